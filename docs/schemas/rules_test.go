package schemas_test

// rules are what the schemas say and Go's types and their tags cannot: which members go
// together, and bounds of objects. Each is added to the schema of that file or, behind #,
// of that type.
var rules = map[string]string{
	"common": `{
		"properties": {"truncated": {"items": {"enum": ["event", "text", "key", "error.message", "extra", "error.details", "body_base64",
			"event_id", "event_time", "resource_id", "path", "user_metadata", "error.code", "error.status", "source.uri",
			"source.generation", "finish_reason", "model_version", "video.uri", "video.file", "videos.uri", "videos.file",
			"interaction.text", "interaction.usage", "interaction.labels"]}}},
		"allOf": [
			{"if": {"properties": {"mode": {"enum": ["static", "dynamic"]}}}, "then": {"required": ["scheme"]}},
			{"if": {"properties": {
				"type": {"not": {"enum": ["batch.result", "unrecognized"]}},
				"mode": {"enum": ["static", "dynamic"]},
				"truncated": {"not": {"type": "array", "contains": {"const": "event"}}}
			}}, "then": {"required": ["event"]}}
		]}`,
	"batch.result": `{
		"properties": {"extra": {"minProperties": 1}},
		"allOf": [
			{"if": {"properties": {"status": {"const": "invalid"}}},
			 "then": {"required": ["error"], "properties": {"error": {"type": "object", "required": ["code"],
				"properties": {"code": {"enum": ["not_json", "unknown_shape", "line_too_long"]}}}}}},
			{"if": {"required": ["response_omitted"]}, "then": {"properties": {"response": false, "request": false}}}
		]}`,
	"batch.unreadable": `{"properties": {"error": {"type": "object", "allOf": [{"$ref": "common.schema.json#/$defs/error"}],
		"required": ["code"],
		"properties": {"code": {"enum": ["bucket_not_allowed", "unknown_pointer", "no_api_key", "no_results", "too_many_objects"]}}}}}`,
	"unrecognized": `{
		"properties": {"body_base64": {"pattern": "^[A-Za-z0-9+/]*={0,2}$"}},
		"not": {"required": ["event", "body_base64"]},
		"if": {
			"properties": {"truncated": {"not": {"type": "array", "contains": {"const": "event"}}}},
			"not": {"required": ["body_base64"]}
		},
		"then": {"required": ["event"]}}`,
	"attributes": `{
		"maxProperties": 100,
		"propertyNames": {"maxLength": 256},
		"properties": {"confirmed": {"const": "true"}, "metadata_truncated": {"const": "true"}},
		"patternProperties": {"^meta_": {"description": "A scalar of user_metadata: a string as it is, a number or boolean as its JSON text."}},
		"allOf": [
			{"additionalProperties": {"type": "string", "maxLength": 1024}},
			{"if": {"properties": {"type": {"const": "batch.result"}}}, "then": {"required": ["status"]},
			 "else": {"properties": {"key": false, "status": false, "finish_reason": false, "error_code": false}}},
			{"if": {"properties": {"mode": {"enum": ["static", "dynamic"]}}}, "then": {"required": ["scheme"]}}
		]}`,
	"#Error":  `{"minProperties": 1}`,
	"#Tokens": `{"minProperties": 1}`,
	"#Batch":  `{"minProperties": 1}`,
	"#Counts": `{"maxProperties": 51, "additionalProperties": {"type": "integer", "minimum": 0}}`,
}
