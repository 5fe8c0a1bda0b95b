"""`lantian user`, `audit`, `backup`, `restore`, `migrate`: thin bodies, heavy imports inside."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serving.store.engine import Store

user = typer.Typer(help="Accounts and tokens.", no_args_is_help=True)
audit = typer.Typer(help="The audit trail.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The account's name.")]
Stdin = Annotated[
    bool, typer.Option("--stdin", help="Password from the first line of standard input.")
]


def attach(app: typer.Typer) -> None:
    """Hang the duty room's commands on the command line."""
    app.add_typer(user, name="user")
    app.add_typer(audit, name="audit")
    app.command()(backup)
    app.command()(restore)
    app.command()(migrate)


@user.command("add")
def user_add(
    name: Name,
    role: Annotated[str, typer.Option(help="viewer, officer, leader, enterprise ...")],
    display: Annotated[str, typer.Option(help="Name as it is shown.")] = "",
    enterprise: Annotated[str | None, typer.Option(help="Its id, for role enterprise.")] = None,
    stdin: Stdin = False,
) -> None:
    """A new account; the first one, too. The password is asked for, never an argument."""
    from serving import accounts

    accounts.add(
        _store(), name=name, role=role, password=_password(stdin=stdin), display=display,
        enterprise=enterprise, by=_who(), now=_now(),
    )  # fmt: skip
    typer.echo(f"{accounts.folded(name)}: {role}")


@user.command("list")
def user_list() -> None:
    """All accounts."""
    from serving import accounts

    for row in accounts.every(_store()):
        state = f"disabled {row.disabled_at:%Y-%m-%d}" if row.disabled_at else "active"
        typer.echo("\t".join([row.name, row.role, row.enterprise or "-", state, row.display]))


@user.command("disable")
def user_disable(name: Name) -> None:
    """No login from now on; its decisions stay."""
    from serving import accounts

    accounts.disable(_store(), name=name, by=_who(), now=_now())


@user.command("unlock")
def user_unlock(name: Name) -> None:
    """Forget failed attempts to log in, so that the account may try again at once."""
    from serving import accounts

    count = accounts.unlock(_store(), name=name, by=_who(), now=_now())
    typer.echo(f"{accounts.folded(name)}: {count} failed attempts forgotten")


@user.command("password")
def user_password(name: Name, stdin: Stdin = False) -> None:
    """A new password; the account's sessions end."""
    from serving import accounts

    store = _store()
    accounts.set_password(store, name=name, password=_password(stdin=stdin), by=_who(), now=_now())


@user.command("token")
def user_token(
    name: Name,
    scope: Annotated[list[str], typer.Option(help="Action, such as forecast.read; repeat.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="Valid for.")] = 90,
    label: Annotated[str, typer.Option(help="What it is for.")] = "command line",
) -> None:
    """An API token: printed once."""
    from serving import tokens

    now = _now()
    value = tokens.create(
        _store(), account=name, name=label, scope=scope, expires_at=now + timedelta(days=days),
        by=_who(), now=now,
    )  # fmt: skip
    typer.echo(value)


@audit.command("verify")
def audit_verify() -> None:
    """Check every row, the trail's end and the rows beside it; names the first broken one."""
    from serving.store import audit as trail

    verdict = trail.verify(_store())
    if verdict.broken:
        typer.echo(str(verdict.broken), err=True)
        raise typer.Exit(1)
    typer.echo(f"{verdict.rows} rows hold; last {verdict.last}")


@audit.command("export")
def audit_export(
    out: Annotated[Path, typer.Argument(help="File of JSON lines to write.")],
) -> None:
    """The trail as JSON lines, one row each."""
    from forecast.files import replace_file
    from serving.store import audit as trail
    from serving.store.base import canonical
    from serving.store.engine import reading

    with reading(_store()) as session:

        def write(path: Path) -> None:
            with path.open("w", encoding="utf-8", errors="surrogateescape") as handle:
                handle.writelines(canonical(row) + "\n" for row in trail.entries(session))

        replace_file(out, write)


def backup(
    out: Annotated[Path, typer.Argument(help="File to write.")],
    portable: Annotated[
        bool, typer.Option("--portable", help="An archive that either engine reads.")
    ] = False,
) -> None:
    """A backup of the store while it is in use."""
    from serving.store import backup as body

    (body.export if portable else body.backup)(_store(), out)


def restore(
    path: Annotated[Path, typer.Argument(help="A backup.", exists=True, dir_okay=False)],
) -> None:
    """Fill an empty store from a backup; the trail is verified first."""
    from serving.store import backup as body

    rows = body.restore(_store(current=False), path, now=_now(), by=_who())
    typer.echo(f"restored; {rows} rows of the trail hold")


def migrate(
    to: Annotated[str, typer.Option(help="Revision; a lower one drops what came later.")] = "head",
    down: Annotated[bool, typer.Option("--down", help="Go down to --to.")] = False,
) -> None:
    """Bring the store to this program's revision."""
    from serving.store import migrate as body
    from serving.store import readings

    store = _store(current=False)
    (body.downgrade if down else body.upgrade)(store, to)
    if body.current(store) == body.newest():
        readings.adopt(store, actor=_who(), now=_now())
    typer.echo(f"revision {body.current(store)}")


def _store(*, current: bool = True) -> "Store":
    from serving import settings
    from serving.store import engine, migrate

    store = engine.connect(settings.database_url(), home=settings.home())
    if current:
        migrate.require_current(store)
    return store


def _password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _who() -> str:
    import getpass

    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):
        return "command line"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
