import os
from dataclasses import dataclass

@dataclass
class User:
    email: str
    password: str
    phone: str | None = None
    date_of_birth: date

def login(email, password):
    user = User.objects.get(email=email)
    if not check_password(password, user.password_hash):
        raise InvalidPassword("wrong password for account")
    token = generate_token(user.id, secret=settings.SECRET_KEY)
    return {"token": token, "expires": 3600}

API_KEY = os.environ["API_KEY"]
password = getpass.getpass("Password: ")
client = Client(api_key=API_KEY, secret=os.getenv("CLIENT_SECRET"), timeout=30.0)
LUHN = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
PI = 3.14159265358979323846
MERSENNE = 2305843009213693951
MASK = 0xFFFFFFFF_FFFFFFFF
phone_re = re.compile(r"^\+?[0-9 ()-]{7,20}$")
assert address == resolve(host, port), f"address {address} is not {expected}"
