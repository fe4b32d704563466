"""What the made-up shop sells and who buys there."""

from providers.simulators.scenario.values import Pack

PACKS = (
    Pack("100 API credits", 2000101, 100, {"RUB": 49_000, "USD": 540, "EUR": 499}),
    Pack("500 API credits", 2000102, 500, {"RUB": 199_000, "USD": 2_190, "EUR": 1_990}),
    Pack("1,000 API credits", 2000103, 1_000, {"RUB": 369_000, "USD": 4_075, "EUR": 3_690}),
    Pack("5,000 API credits", 2000104, 5_000, {"RUB": 1_649_000, "USD": 18_249, "EUR": 16_490}),
)
CARD = Pack("Gift card, 50 credits", 2000109, 50, {"RUB": 24_900, "USD": 275, "EUR": 249})

PURSES = {"WMR": "RUB", "WMZ": "USD", "WMT": "USD"}
"""DigiSeller's units of account that sales are made in, and the currency that the shop keeps its orders in."""

FIRST_NAMES = (
    *("Alexei", "Anna", "Boris", "Daria", "Dmitri", "Elena", "Fedor", "Galina", "Igor", "Irina", "Kirill", "Larisa"),
    *("Maria", "Mikhail", "Nadia", "Oleg", "Olga", "Pavel", "Roman", "Svetlana", "Tatiana", "Viktor", "Yulia", "Zoya"),
    *("Alice", "Amir", "Bruno", "Carla", "Diego", "Emma", "Farid", "Hanna", "Ivan", "Jonas", "Lena", "Marco", "Nils"),
)
LAST_NAMES = (
    *("Andreev", "Belov", "Chernova", "Danilov", "Egorova", "Frolov", "Gusev", "Ilyina", "Kozlov", "Lebedeva"),
    *("Morozov", "Nikitina", "Orlov", "Popova", "Romanov", "Sokolova", "Titov", "Volkova", "Zaitsev", "Zhukova"),
    *("Bauer", "Costa", "Dubois", "Fischer", "Haddad", "Jensen", "Keller", "Lopez", "Novak", "Rossi", "Silva", "Weber"),
)
MAIL_HOSTS = ("example.com", "example.org")
