"""Words of the page of trail and accounts: key -> (Chinese, English)."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("审计与账号", "Audit and accounts"),
    "trail": ("审计链", "The trail"),
    "whole": ("完整：{n} 条记录逐条核对无误。", "Whole: {n} rows were checked one by one."),
    "broken": ("审计链已破坏", "The trail is broken"),
    "check": ("核对整条审计链", "Check the whole trail"),
    "last": ("最近 {n} 条", "The last {n}"),
    "number": ("序号", "No."),
    "subject": ("对象", "Subject"),
    "digest": ("散列", "Hash"),
    "accounts": ("账号", "Accounts"),
    "name": ("账号", "Account"),
    "display": ("显示名", "Name shown"),
    "role": ("角色", "Role"),
    "enterprise": ("企业编号（仅企业账号）", "Enterprise id (enterprise accounts only)"),
    "password": ("初始密码", "First password"),
    "state": ("状态", "State"),
    "active": ("有效", "active"),
    "disabled": ("停用于 {time}", "disabled {time}"),
    "add": ("新增账号", "New account"),
    "disable": ("停用", "Disable"),
}
