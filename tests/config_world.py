"""What the tests of the configuration share: a whole file, and ways to load a text as one."""

import pytest

from reconciler.config import load
from reconciler.errors import ConfigError

WHOLE = """
timezone = "Asia/Yekaterinburg"

[database]
url = "postgresql+psycopg://recon:db-secret@db.example/recon?sslmode=require"

[providers.digiseller]
enabled = true
base_url = "https://api.digiseller.com/api/"
seller_id = 100001
api_key = "digi-secret"
notification_password = "notice-secret"
sells_per_minute = 3
requests_per_second = 2

[providers.tribute]
api_key = "tribute-secret"
previous_api_key = ""
shop_ids = [1, 2]

[shop]
url = "postgresql+psycopg://reader:shop-secret@shop.example/shop"
orders_query = "SELECT * FROM bought"

[shop.commands]
url = "https://shop.example/commands"
secret = "whsec_c2VjcmV0LXNpZ25pbmcta2V5"

[policy]
grace_minutes = 45
suspension_mode = "auto"
auto_effects = ["suspend", "ban"]

[currency]
equivalents = { WMZ = "USD" }

[schedule]
pull = "every 5 minutes"
sweep = "0 4 * * 7"

[web]
port = 9090
shop_account_link = "https://shop.example/admin/{account_id}"

[alerts]
urls = ["mailto://user:mail-secret@example.com"]
quiet_hours = "23:00-08:00"
heartbeat_url = "https://beat.example/beat-secret"

[alerts.telegram]
token = "1:bot-secret"
chat_ids = [-100]

[report]
languages = ["en", "ru"]
send = ["telegram"]

[ratio]
limit_percent = 0.9

[retention]
raw_days = 500

[import.orders]
order_id = "Number"
"""
SECRETS = ("db-secret", "digi-secret", "notice-secret", "tribute-secret", "shop-secret", "c2VjcmV0", "mail-secret")
ALL_SECRETS = (*SECRETS, "beat-secret", "bot-secret")


@pytest.fixture
def config(tmp_path):
    """Load a text as a config file, with variables."""

    def read(text="", /, **environ):
        path = tmp_path / "config.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path, environ)

    return read


@pytest.fixture
def refused(config):
    """The message with which a text is refused."""

    def read(text="", /, **environ):
        with pytest.raises(ConfigError) as caught:
            config(text, **environ)
        return str(caught.value)

    return read
