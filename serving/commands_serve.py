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
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; about one a core.")] = 1,
) -> None:
    """The duty room: console and API. Accounts come from `lantian user add`."""
    from serving import settings

    run(
        config, settings.home(), settings.database_url(), host=host, port=port, house=house,
        https=https, proxy=proxy, workers=workers,
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
    workers: int = 1,
) -> None:
    """Serve one home until it is stopped."""
    import tempfile

    import uvicorn

    from forecast import command_line
    from serving import logs, server

    given = server.Given(config.resolve(), home.resolve(), house and house.resolve(), https)
    with tempfile.TemporaryDirectory(prefix="lantian-metrics-") as folder:
        server.hand_on(given, database_url, Path(folder) if workers > 1 else None)
        if workers == 1:
            made = server.build()
        else:
            server.store_of(given).engine.dispose()  # a wrong store or config is told here, once
            logs.configure()
        shown = f"[{host}]" if ":" in host else host
        command_line.line(f"http://{shown}:{port}/")
        uvicorn.run(
            made if workers == 1 else "serving.server:build", factory=workers > 1,
            workers=workers if workers > 1 else None, host=host, port=port, log_level="warning",
            log_config=None, server_header=False, forwarded_allow_ips=proxy, ws="none",
            timeout_worker_healthcheck=60,  # a busy worker is not a dead one
        )  # fmt: skip
