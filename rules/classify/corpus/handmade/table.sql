CREATE TABLE customers (
  id BIGINT PRIMARY KEY, email VARCHAR(254) NOT NULL UNIQUE, password CHAR(60), phone VARCHAR(20), date_of_birth DATE,
  ssn CHAR(11), address TEXT, first_name VARCHAR(80), iban VARCHAR(34), religion VARCHAR(40), created_at TIMESTAMP DEFAULT now());
CREATE INDEX customers_email ON customers (lower(email));
GRANT SELECT (id, email) ON customers TO reporting;
ALTER USER app WITH PASSWORD :'app_password';
INSERT INTO flags (id, name, value) VALUES (1000231, 'beta', '0'), (1000232, 'dark', '1'), (1000233, 'limit', '4500000000');
SELECT count(*) FROM customers WHERE email LIKE '%@example.com' AND created_at > 1767225600;
