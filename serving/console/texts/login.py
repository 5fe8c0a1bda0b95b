"""Words of the login page: key -> (Chinese, English)."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("登录", "Log in"),
    "name": ("账号", "Account"),
    "password": ("密码", "Password"),
    "enter": ("登录", "Log in"),
    "denied": ("账号或密码不正确。", "No such account and password."),
    "provider": ("统一身份认证登录", "Log in with the house's account"),
    "refused": (
        "统一身份认证未通过，或该账号在本系统没有角色。请联系管理员。",
        "Not accepted, or an account without a role here. Ask an administrator.",
    ),
    "locked": (
        "尝试次数过多，{until} 之后可再试。",
        "Too many attempts. Try again after {until}.",
    ),
    "hint": (
        "账号由管理员开立。连续失败会暂时锁定。",
        "Accounts are made by an administrator. Repeated failures lock for a while.",
    ),
}
