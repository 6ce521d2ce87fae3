package vectors

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
)

// The keys of docs/vectors.json. Everybody knows them: they are those of RFC 8037,
// appendix A.1, and RFC 7515, appendix A.2, and texts that say what they are.
var (
	secretNew   = signingSecret("TEST KEY new, for vectors. ?>~???\xff\x80\xe9")
	secretOld   = signingSecret("TEST KEY old, in docs/vectors.json")
	secretWrong = signingSecret("TEST KEY of a stranger, for nothing")
	secretPlain = "test-secret-that-is-no-base64!"

	pathToken = "TEST-path-token-of-docs-vectors-json"
)

func signingSecret(key string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(key))
}

// ed25519Of makes a key of a seed, in base64url.
func ed25519Of(seed string) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(decode(seed)) }

var (
	ed25519First    = ed25519Of("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A") // RFC 8037, A.1
	ed25519Second   = ed25519.NewKeyFromSeed([]byte("TEST KEY the second, of 32 bytes"))
	ed25519Stranger = ed25519.NewKeyFromSeed([]byte("TEST KEY a stranger's, 32 bytes."))
)

// rsaKey is that of RFC 7515, A.2.
var rsaKey = &rsa.PrivateKey{
	PublicKey: rsa.PublicKey{E: 65537, N: number("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")},
	D:         number("Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"),
	Primes: []*big.Int{
		number("4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc"),
		number("uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc"),
	},
}

func decode(text string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic("vectors: " + err.Error())
	}
	return b
}

func number(text string) *big.Int { return new(big.Int).SetBytes(decode(text)) }

// strangerRSA is a key that no receiver of the vectors trusts, made for them.
var strangerRSA = &rsa.PrivateKey{
	PublicKey: rsa.PublicKey{E: 65537, N: number("vy_oe2wTy2nuJJQZktGxZFGfqyLHAho1N-_HueCQR3uvlW-grJt434m5Y_R_cxeI_wXWSlN0xhpmBjfIDfgwcXvQxuMhnMPk1vOjnu7F49HH0JEV1kMGPvFzmNVWHbw7C1q9ASE2RKYfaxq-Kg76ZDW-yfuamKqFMN6a5O7kpIosqr4Xo1ERb76Xyu2p0_SulSmXYyYdQIDl99OLnXIRav6E23-XZhtarFVaqxh2KhPiRenPByx3sAD0OEU-Na1oYYi91mEWzm-reNMNfVny9hJIzZ8q3caCcgKHGUgjoaBFizRlFSCMeF4AJ-nAYBMQQ1bW_ay_EKiL4t40DqogZQ")},
	D:         number("FnzPlwjQ0Tm9-Y5z7Zl9iIOzSKFYEA6-GLy63MmlnsrVDboqB3NoBb8Az9l3zjVD918b4_UqBI0hV_TisoXxSL_cADDCCNrfxUq2AaErJI9NteIC1AdhKjEjPCRHs0qrFTxQg9wAspVpl6L3ICJP4E6UCNTvy6ou7V8Zj_jratDjvmxEZ7jV27Y3R5lCKpV2IQoRwoTee82RETa_Lp682HKBtLSiTmApv7v_aKiXc3ug3iHHP72nlvetf_8E07mcuPKSnnwUGheFcRHunudni8UjCelu0oGkdOvpxoQt3TFM_NTsCFghplRw_Gh4wkWMlgMUK6wdboFRHIQjDw3lNw"),
	Primes: []*big.Int{
		number("4lLUq1sbKbwfdKqvDKDnbeSbeWuWPBs9QIMRoMc9kFLdcA5EUnaVIM2aRInQVI9xGkGq_nWBDQpxxWfx0zWSWoIDXY_hUwHYeZhbNEtEtWY1Y7QH6JE9LGckvyzi9A3gUhYjLQJNmLF3rCOA4XOTKwUuJyHnIgZyii5D-vJSr1s"),
		number("2EGgodVtsgQWVBmzcDi5-Kgt-wKu4YnSnr0DIPk-kW1vK3Gktf_D3B8RMgmz3HVJ2YJ42nLJk7T5_NOpr-L7gZ_69EY10ddlemvWqCqX38EXPBvZnx-JuCBXSkZ-6TnPuEXDMkk_-y8gZvO01VWqbPyuBPe1b8mCa1GxzL1lOz8"),
	},
}
