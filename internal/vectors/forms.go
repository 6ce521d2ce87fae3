package vectors

import (
	"strings"
	"time"
)

// written signs a timestamp as a text of any form: the form alone can be wrong.
func written(form func(seconds string) string) func(*draft) {
	return func(d *draft) {
		d.timestamp = form(d.timestamp)
		signed(d)
	}
}

// as is written with a text that is always the same.
func as(text string) func(*draft) { return written(func(string) string { return text }) }

// listed makes the signature header of a good entry.
func listed(list func(good string) string) func(*draft) {
	return func(d *draft) { d.signature = list(d.v1()) }
}

// without leaves a header out.
func without(name string) func(*draft) {
	return func(d *draft) { signed(d); d.omit = name }
}

// twice sends a header once more, with another value behind the good one.
func twice(name, value string) func(*draft) {
	return func(d *draft) { signed(d); d.more = append(d.more, [2]string{name, value}) }
}

const strange = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=" // the form of a signature

// staticForms are about the three headers, whose forms the schemes share.
func staticForms() []Case {
	all := append(listForms(), timestampForms()...)
	all = append(all, group(HMAC, Must, KeysStatic,
		of("header/id-missing", "Without an id nothing could be told apart from its repetition.", missing, without("webhook-id")),
		of("header/timestamp-missing", "A check that a missing timestamp passes is none.", missing, without("webhook-timestamp")),
		of("header/signature-missing", "No signature is not a good one.", missing, without("webhook-signature")),
		of("header/id-empty", "An empty id is no id, whatever was signed.", bad, func(d *draft) { d.id = ""; signed(d) }),
		of("header/timestamp-empty", "An empty timestamp is neither 0 nor now.", bad, as("")),
		of("header/signature-empty", "Neither is an empty list of signatures.", bad, func(*draft) {}),
		of("header/names-in-capitals", "Names of headers have no case.", accepted, func(d *draft) {
			signed(d)
			d.more = append(d.more, [2]string{"WEBHOOK-ID", d.id}, [2]string{"WEBHOOK-TIMESTAMP", d.timestamp}, [2]string{"WEBHOOK-SIGNATURE", d.signature})
			d.omit = allHeaders
		}),
	)...)
	return append(all, group(HMAC, Should, KeysStatic,
		of("header/id-twice", "Two parsers may take two ids of a repeated header, one to verify and one to remember.", bad, twice("webhook-id", "msg_another")),
		of("header/timestamp-twice", "The same of the timestamp: one is signed, the other one fresh.", bad, twice("webhook-timestamp", "1")),
		of("header/signature-twice", "The same of the signature.", bad, twice("webhook-signature", strange)),
		of("header/id-with-dot", "id.timestamp.body can be split at another dot into a delivery that verifies as well.", bad, func(d *draft) { d.id = "msg." + d.id[4:]; signed(d) }),
		of("header/id-with-space", "An id is one visible word; logs and keys are made of it.", bad, func(d *draft) { d.id = "msg " + d.id[4:]; signed(d) }),
		of("header/id-long", "What a stranger chooses and everybody keeps has a limit.", bad, func(d *draft) { d.id += strings.Repeat("x", 300); signed(d) }),
	)...)
}

// allHeaders as a draft's omit leaves out the three.
const allHeaders = "*"

func listForms() []Case {
	all := group(HMAC, Must, KeysStatic,
		of("list/good-last", "The list is searched to its end.", accepted, listed(func(good string) string { return strange + " " + good })),
		of("list/good-first", "One good entry is enough.", accepted, listed(func(good string) string { return good + " " + strange })),
		of("list/unknown-versions", "Entries of versions that are not known yet are passed over.", accepted, listed(func(good string) string { return "v2,abc v1a,abc " + good + " v0,x" })),
		of("list/no-version", "A signature has a version.", bad, listed(func(good string) string { return strings.TrimPrefix(good, "v1,") })),
		of("list/version-unknown", "A good signature under another version's name is not one of that version.", mismatch, listed(func(good string) string { return "v2" + good[2:] })),
		of("list/version-v1a", "The bytes of an HMAC are no Ed25519 signature.", refused(Signature, "origin_unproven"), listed(func(good string) string { return "v1a" + good[2:] })),
		of("list/version-alone", "An entry without a signature is none.", bad, listed(func(string) string { return "v1," })),
		of("list/cut", "A part of the signature is not the signature: no comparison by prefix.", mismatch, listed(func(good string) string { return good[:20] })),
		of("list/empty-entry-of-v1", "An empty text is a prefix of everything.", mismatch, listed(func(string) string { return "v1, v1,A" })),
		of("list/only-strangers", "Many entries make no good one.", mismatch, listed(func(string) string { return strings.TrimSpace(strings.Repeat(strange+" ", 5)) })),
		of("list/longer", "Nor is something that begins with it.", mismatch, listed(func(good string) string { return good + "AAAA" })),
	)
	return append(all, group(HMAC, Should, KeysStatic,
		of("list/second-comma", "What stands behind a second comma belongs to the text, which is no base64 then.", mismatch, listed(func(good string) string { return good + ",more" })),
		of("list/unpadded", "Standard base64 has its padding.", mismatch, listed(func(good string) string { return strings.TrimRight(good, "=") })),
		of("list/many", "Whoever sends thousands of entries makes the receiver compare thousands of times.", bad, listed(func(good string) string { return strings.Repeat("v2,abc ", 40) + good })),
	)...)
}

func timestampForms() []Case {
	all := group(HMAC, Must, KeysStatic,
		of("timestamp/plus-5", "It is not a time near now, whatever reads it.", bad, as("+5")),
		of("timestamp/007", "Nor is this.", bad, as("007")),
		of("timestamp/1e3", "Nor this.", bad, as("1e3")),
		of("timestamp/nan", "Comparisons with NaN are false: a check written the wrong way round lets it pass.", bad, as("NaN")),
		of("timestamp/infinity", "The same of what is larger than everything.", bad, as("Infinity")),
		of("timestamp/word", "A text that is no number is not 0, and 0 is not now.", bad, as("soon")),
		of("timestamp/negative", "Before 1970 nobody sent webhooks.", bad, written(func(s string) string { return "-" + s })),
		of("timestamp/milliseconds", "Seconds were agreed on: a thousand times as many are far in the future.", bad, written(func(s string) string { return s + "000" })),
		of("timestamp/iso", "A date is not in seconds.", bad, func(d *draft) { d.timestamp = d.Now.UTC().Format(time.RFC3339); signed(d) }),
		of("timestamp/huge", "More than 64 bits must not wrap round.", bad, as("18446744073709551616")),
	)
	return append(all, group(HMAC, Should, KeysStatic,
		of("timestamp/plus", "Digits only: two parsers may read two times of one text.", bad, written(func(s string) string { return "+" + s })),
		of("timestamp/zeros", "Leading zeros mean octal to some.", bad, written(func(s string) string { return "00" + s })),
		of("timestamp/exponent", "1.7722e9 is a number to some, and 1 to others.", bad, written(func(s string) string { return s[:1] + "." + s[1:] + "e9" })),
		of("timestamp/fraction", "Seconds are whole.", bad, written(func(s string) string { return s + ".0" })),
		of("timestamp/signed-otherwise", "What is signed is the header's text: a number that was parsed and written again is another text.", bad, func(d *draft) {
			signed(d)
			d.timestamp = "0" + d.timestamp
		}),
	)...)
}
