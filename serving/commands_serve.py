"""`lantian serve`: console and API of one city."""

from pathlib import Path
from typing import Annotated

import typer

from forecast.command_line import Config


def attach(app: typer.Typer) -> None:
    """Hang the command on the command line."""
    app.command()(serve)


def serve(
    config: Config,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    house: Annotated[
        Path | None,
        typer.Option(help="Who publishes (configs/publish); default: publish.yaml of the home."),
    ] = None,
    https: Annotated[
        bool, typer.Option("--https", help="Reached over HTTPS (a proxy ends it): secure cookies.")
    ] = False,
    proxy: Annotated[
        str, typer.Option(help="Addresses whose X-Forwarded-For is believed.")
    ] = "127.0.0.1",
) -> None:
    """The duty room: console and API. Accounts come from `lantian user add`."""
    from serving import settings

    run(
        config, settings.home(), settings.database_url(), host=host, port=port, house=house,
        https=https, proxy=proxy,
    )  # fmt: skip


def run(
    config: Path,
    home: Path,
    database_url: str,
    *,
    host: str,
    port: int,
    house: Path | None = None,
    https: bool = False,
    proxy: str = "127.0.0.1",
) -> None:
    """Serve one home until it is stopped."""
    import os

    import uvicorn

    from forecast import command_line
    from forecast import config as configuration
    from serving import app as application
    from serving import logs, record_run
    from serving.context import Context

    city = configuration.load(config)
    store = record_run.opened(home, database_url)
    token = os.environ.get("LANTIAN_METRICS_TOKEN")
    context = Context(store, home, city, metrics_token=token)
    logs.configure()  # JSON lines without secrets, uvicorn's own among them
    shown = f"[{host}]" if ":" in host else host
    command_line.line(f"http://{shown}:{port}/")
    uvicorn.run(
        application.create(context, secure=https, house=house), host=host, port=port,
        log_level="warning", log_config=None, server_header=False, forwarded_allow_ips=proxy,
    )  # fmt: skip
