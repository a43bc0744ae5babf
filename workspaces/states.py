"""The choices of a workspace's fields and of its audit log."""

from django.db import models


class Authorisation(models.TextChoices):
    """The ground on which a workspace trains models on Claude's outputs."""

    NARROW = "narrow", "A narrow model that does not compete with Claude"
    PERMISSION = "permission", "Anthropic’s written permission"
    OTHER_SERVER = "other_server", "Another model writes the conversations, and its licence allows it"
    NO_TRAINING = "no_training", "No model is trained on them: evaluation, tests, demonstration"
    UNDECIDED = "undecided", "Not decided yet"


class Scope(models.TextChoices):
    """What a token may do of what its person may; `workspaces.tokens.scopes` has the table of operations."""

    READ = "read", "Read"
    RUN = "run", "Read and work"
    ADMIN = "admin", "Everything"


# Why a row that a person can see is left out of an action on many.
ROLE_TOO_LOW = "Your role in its workspace may see, but not do this."


class TargetKind(models.TextChoices):
    """What an action was taken on."""

    BATCH = "batch"
    CONVERSATION = "conversation"
    TEMPLATE = "template"
    SCENARIO = "scenario"
    EDGE_CASE = "edge_case", "Edge case"
    OPTION = "option"
    IMPORT_FILE = "import_file", "Import file"
    PACK = "pack", "Starter pack"
    WORKSPACE = "workspace"
    WEBHOOK = "webhook"
    API_TOKEN = "api_token", "API token"
    SIGN_IN_LINK = "sign_in_link", "Sign-in link"
    MODEL_TABLE = "model_table", "Model table"
    PROVIDER = "provider"
    BACKGROUND_JOB = "background_job", "Background job"
    EXPORT = "export"
    HUB_TOKEN = "hub_token", "Hub token"
    PERSON = "person"
    MEMBER = "member"
    PROVIDER_KEY = "provider_key", "Provider key"
    AUDIT_LOG = "audit_log", "Audit log"
    INSTALLATION = "installation"


def list_kinds() -> list[tuple[str, str]]:
    """For the field, which therefore needs no migration for a new kind."""
    return TargetKind.choices


class Action(models.TextChoices):
    """What a person did, or the engine with a batch. The sentence for each is in `workspaces.audit`."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    STOP = "stop"
    COMPLETE = "complete"
    CHANGE_BUDGET = "change_budget", "Change the budget"
    RETRY = "retry"
    USE_REPLY = "use_reply", "Use a stored reply"
    TRY_FIRST = "try_first", "Try the first items"
    SAVE_DRAFT = "save_draft", "Save a draft"
    REPLACE_PLAN = "replace_plan", "Replace the plan"
    ADD_ITEMS = "add_items", "Add items"
    REMOVE_ITEMS = "remove_items", "Remove items"
    REMOVE_REPEATS = "remove_repeats", "Remove repeated items"
    MOVE_ITEM = "move_item", "Move an item"
    EDIT_ITEM = "edit_item", "Edit an item"
    SHUFFLE = "shuffle"
    DISCARD = "discard"
    CREATE = "create"
    CHANGE = "change"
    RENAME = "rename"
    MOVE = "move"
    DUPLICATE = "duplicate"
    IMPORT = "import"
    ARCHIVE = "archive"
    RESTORE = "restore"
    PUBLISH = "publish"
    ROLL_BACK = "roll_back", "Roll back"
    APPROVE = "approve"
    REJECT = "reject"
    SEND_BACK = "send_back", "Send back for revision"
    UNDO = "undo", "Undo a decision"
    EDIT = "edit", "Make an edited version"
    BRING_BACK = "bring_back", "Bring an earlier version back"
    REGENERATE = "regenerate"
    RESCORE = "rescore", "Score again"
    ROUTE = "route", "Route by changed thresholds"
    OVERRIDE_SCORE = "override_score", "Override the score"
    WRITE_NOTES = "write_notes", "Write reviewer notes"
    CHANGE_RUBRIC = "change_rubric", "Change the judge's rubric"
    RECREATE = "recreate", "Write the files again"
    PUSH = "push", "Push to the Hub"
    STATE_USE = "state_use", "State the intended use"
    RENEW_SECRET = "renew_secret", "Renew the secret"
    REMOVE = "remove"
    REVOKE = "revoke"
    CHECK = "check"
    SIGN_IN = "sign_in", "Sign in"
    FAIL_SIGN_IN = "fail_sign_in", "Fail to sign in"
    SIGN_OUT = "sign_out", "Sign out"
    DOWNLOAD = "download"
    READ = "read", "Read as staff"
    STOP_CALLS = "stop_calls", "Stop all calls"
    ALLOW_CALLS = "allow_calls", "Allow calls again"
    REMOVE_OLD = "remove_old", "Remove old entries"
    ADD = "add"
    INVITE = "invite"
    CHANGE_ROLE = "change_role", "Change the role"
    CHANGE_PASSWORD = "change_password", "Change the password"


def list_actions() -> list[tuple[str, str]]:
    """For the field, which therefore needs no migration for a new action."""
    return Action.choices


class Channel(models.TextChoices):
    """The way by which somebody acted."""

    PAGE = "page"
    API = "api", "API"
    ADMIN = "admin"
    TERMINAL = "terminal"
    SYSTEM = "system"
