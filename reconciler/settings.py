"""The configuration as typed values (contract section 2); reading it from files and variables is `config`'s work."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Effect = Literal["suspend", "forfeit", "ban"]
Severity = Literal["info", "warning", "critical"]


class Section(BaseModel):
    """A table of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Database(Section):
    """Where facts are stored."""

    url: str = Field(default="sqlite:///var/reconciler.db", repr=False)  # may hold a password


class DigiSellerSettings(Section):
    """Access to DigiSeller; limits are the provider's (`sells_per_minute` for seller-sells/v2)."""

    enabled: bool = True
    base_url: str = "https://api.digiseller.com/api/"
    seller_id: int = 0
    api_key: SecretStr = SecretStr("")
    notification_password: SecretStr = SecretStr("")
    sells_per_minute: Positive = 4
    requests_per_second: Positive = 5


class TributeSettings(Section):
    """Access to Tribute; the API key is the webhook secret too."""

    enabled: bool = True
    base_url: str = "https://tribute.tg/api/v1"
    api_key: SecretStr = SecretStr("")
    previous_api_key: SecretStr = SecretStr("")
    shop_ids: tuple[int, ...] = ()
    requests_per_second: Positive = 5


class Providers(Section):
    """The providers' own sections."""

    digiseller: DigiSellerSettings = DigiSellerSettings(enabled=False)
    tribute: TributeSettings = TributeSettings(enabled=False)


class Commands(Section):
    """Where commands to the shop go."""

    url: str = ""
    secret: SecretStr = SecretStr("")


class Shop(Section):
    """The shop's own ledger, read only: a database, or a folder of CSV files."""

    url: SecretStr = SecretStr("")
    directory: str = ""
    orders_query: str = ""
    accounts_query: str = ""
    payments_query: str = ""
    commands: Commands = Commands()


class PolicySettings(Section):
    """The numbers of the refund policy's rules."""

    grace_minutes: NotNegative = 30
    duplicate_window_minutes: NotNegative = 15
    fallback_window_minutes: NotNegative = 60
    unclaimed_after_hours: NotNegative = 24
    amount_tolerance_minor: NotNegative = 0
    review_business_days: Positive = 14
    document: str = ""
    holidays: str = "RU"
    refund_execution_days: Positive = 7
    suspension_mode: Literal["propose", "auto"] = "propose"
    auto_effects: tuple[Effect, ...] = ("suspend",)
    auto_limit_per_day: NotNegative = 5
    four_eyes: bool = False


class Currency(Section):
    """Which account unit may be compared with which currency; all others are never compared."""

    equivalents: dict[str, str] = Field(default={"WMR": "RUB", "WMZ": "USD", "WME": "EUR", "WMT": "USD"})


class Schedule(Section):
    """When jobs run: cron expressions in the configured zone, or "every N minutes"."""

    pull: str = "every 10 minutes"
    reconcile: str = "every 10 minutes"
    sweep: str = "0 4 * * *"
    report: str = "0 9 * * *"
    lookback_hours: Positive = 48
    initial_days: Positive = 30


class Web(Section):
    """The daemon's web server and the links it puts into messages."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = ""
    shop_account_link: str = ""
    shop_order_link: str = ""
    charge_links: dict[str, str] = {}


class Telegram(Section):
    """The Telegram bot that carries alerts."""

    token: SecretStr = SecretStr("")
    chat_ids: tuple[int, ...] = ()
    user_ids: tuple[int, ...] = ()
    api_base: str = "https://api.telegram.org"


class Alerts(Section):
    """Who is told, how often and how loudly."""

    urls: tuple[SecretStr, ...] = ()
    minimum_severity: Severity = "warning"
    digest_minutes: Positive = 30
    max_per_hour: Positive = 20
    quiet_hours: str = ""
    repeat_hours: Positive = 4
    escalate_urls: tuple[SecretStr, ...] = ()
    heartbeat_url: SecretStr = SecretStr("")
    telegram: Telegram = Telegram()


class Report(Section):
    """Where reports are written and to whom they are sent."""

    directory: str = "var/reports"
    languages: Annotated[tuple[Literal["en", "ru"], ...], Field(min_length=1)] = ("en",)
    send: tuple[SecretStr, ...] = ()
    weekly: bool = False
    monthly: bool = False
    send_quiet: bool = False


class Ratio(Section):
    """The chargeback ratio that must not be reached, by count."""

    limit_percent: Annotated[float, Field(gt=0, le=100)] = 1.0
    minimum_charges: Positive = 100


class Retention(Section):
    """How long raw records are kept, in days."""

    raw_days: Positive = 400


class Imports(Section):
    """Column mappings of the importers: our name = their column."""

    digiseller: dict[str, str] = Field(default={})
    tribute: dict[str, str] = Field(default={})
    orders: dict[str, str] = Field(default={})
    chargebacks: dict[str, str] = Field(default={})


class Settings(Section):
    """The whole configuration."""

    timezone: str = "Europe/Moscow"
    database: Database = Database()
    providers: Providers = Providers()
    shop: Shop = Shop()
    policy: PolicySettings = PolicySettings()
    currency: Currency = Currency()
    schedule: Schedule = Schedule()
    web: Web = Web()
    alerts: Alerts = Alerts()
    report: Report = Report()
    ratio: Ratio = Ratio()
    retention: Retention = Retention()
    imports: Imports = Field(default=Imports(), alias="import")
