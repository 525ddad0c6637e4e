package classify

// Legal notions that detectors stand for: the EU's General Data Protection Regulation (GDPR), China's
// Personal Information Protection Law (PIPL) and Data Security Law (DSL), and the US rule on access to bulk
// sensitive personal data (28 CFR part 202).
const (
	legalIdentifier   = "GDPR art. 4(1), 87; PIPL art. 4, 28; 28 CFR 202.212, 202.234 (government identification number)"
	legalPersonal     = "GDPR art. 4(1); PIPL art. 4"
	legalContact      = "GDPR art. 4(1); PIPL art. 4; 28 CFR 202.212, 202.234 (demographic or contact data)"
	legalFinancial    = "GDPR art. 4(1); PIPL art. 28 (financial accounts); 28 CFR 202.240 (personal financial data)"
	legalHealth       = "GDPR art. 4(15), 9(1); PIPL art. 28 (medical health); 28 CFR 202.241 (personal health data)"
	legalGenetic      = "GDPR art. 4(13), 9(1); PIPL art. 28; 28 CFR 202.224 (human 'omic data)"
	legalBiometric    = "GDPR art. 4(14), 9(1); PIPL art. 28 (biometrics); 28 CFR 202.204 (biometric identifiers)"
	legalLocation     = "GDPR art. 4(1); PIPL art. 28 (whereabouts); 28 CFR 202.242 (precise geolocation data)"
	legalSpecial      = "GDPR art. 9(1); PIPL art. 28"
	legalCriminal     = "GDPR art. 10; PIPL art. 28"
	legalChildren     = "GDPR art. 8; PIPL art. 28, 31 (under 14); COPPA (15 USC 6501)"
	legalDevice       = "GDPR art. 4(1), recital 30; PIPL art. 4; 28 CFR 202.234 (device-based identifier)"
	legalNetwork      = "GDPR art. 4(1), recital 30; PIPL art. 4; 28 CFR 202.234 (network-based identifier)"
	legalAdvertising  = "GDPR art. 4(1), recital 30; PIPL art. 4; 28 CFR 202.234 (advertising identifier)"
	legalCredential   = "GDPR art. 32; PIPL art. 51; 28 CFR 202.234 (account-authentication data)"
	legalOrganisation = "GDPR art. 4(1) where it names a sole trader; otherwise business data"
	legalImportant    = "DSL art. 21 (important data); Law on Guarding State Secrets; contracts and orders that mark documents"
)
