/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "commands/template.h"

static const char document[] =
	"{\"Id\":\"abc\",\"Name\":\"/web\",\"N\":7,\"T\":true,\"F\":false,\"Empty\":\"\",\"Null\":null,"
	"\"Big\":9007199254740993,\"Neg\":-3,"
	"\"State\":{\"Status\":\"running\",\"Pid\":42,\"Running\":true},"
	"\"List\":[\"a\",\"b\",\"c\"],\"Nums\":[1,2,3],\"None\":[],\"Cmd\":null,"
	"\"Mounts\":[{\"Source\":\"/s1\",\"RW\":true},{\"Source\":\"/s2\",\"RW\":false}],"
	"\"Config\":{\"Labels\":{\"b\":\"2\",\"a\":\"1\",\"com.x.y\":\"dot\"},\"Volumes\":null},"
	"\"NetworkSettings\":{\"IPAddress\":\"10.0.2.15\",\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\","
	"\"HostPort\":\"8080\"}],\"81/tcp\":null},\"Networks\":{\"bridge\":{\"IPAddress\":\"10.0.2.15\"}}}}";

static int render(const char *text, struct buf *out, struct err *err)
{
	autotemplate struct template *t = NULL;
	autojson struct json *data = NULL, *methods = json_new_map();
	struct template_env env = { 0 };
	int r;

	assert_int_equal(json_parse(document, strlen(document), &data, err), 0);
	json_put(methods, "Label", json_ref(json_path(data, "Config", "Labels", NULL)));
	env.data = data;
	env.methods = methods;
	r = template_parse(text, &t, err);
	return r < 0 ? r : template_execute(t, &env, out, err);
}

struct example {
	const char *text, *want;
};

static void gives(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		autobuf struct buf out = BUF_INIT;
		struct err err = ERR_INIT;

		if (render(examples[i].text, &out, &err) < 0)
			print_message("# %s: %s\n", examples[i].text, err.text);
		assert_int_equal(err.code, 0);
		if (strcmp(out.data ? out.data : "", examples[i].want) != 0)
			print_message("# %s\n", examples[i].text);
		assert_string_equal(out.data ? out.data : "", examples[i].want);
	}
}

static void fails(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		autobuf struct buf out = BUF_INIT;
		struct err err = ERR_INIT;

		if (render(examples[i].text, &out, &err) == 0)
			print_message(
				"# %s gave '%s'\n", examples[i].text, out.data ? out.data : "");
		assert_int_equal(err.code, -EINVAL);
		if (strcmp(err.text, examples[i].want) != 0)
			print_message("# %s\n", examples[i].text);
		assert_string_equal(err.text, examples[i].want);
	}
}

static void fields_and_text(void **state)
{
	static const struct example examples[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "{{.Id}}", "abc" },
		{ "<{{ .Id }}>", "<abc>" },
		{ "{{.ID}}", "abc" },
		{ "{{.State.Status}} {{.State.Pid}}", "running 42" },
		{ "{{.T}} {{.F}} {{.N}} {{.Neg}} {{.Big}}", "true false 7 -3 9007199254740993" },
		{ "{{.Null}}", "<nil>" },
		{ "{{.Cmd}} {{.Config.Volumes}}", "[] map[]" },
		{ "{{.List}} {{.None}}", "[a b c] []" },
		{ "{{.Config.Labels}}", "map[a:1 b:2 com.x.y:dot]" },
		{ "{{.Config.Labels.a}}|{{.Config.Labels.nope}}|", "1|<no value>|" },
		{ "{{.NetworkSettings.IPAddress}}", "10.0.2.15" },
		{ "{{(index .Mounts 1).Source}}", "/s2" },
		{ "{{$.Id}}", "abc" },
		{ "{{\"quoted\\t\\\"\\x41\\u20ac\"}}", "quoted\t\"A\xe2\x82\xac" },
		{ "{{`raw\\t`}}", "raw\\t" },
		{ "{{12}} {{0x10}} {{-4}} {{'a'}} {{true}}", "12 16 -4 97 true" },
		{ "{{/* comment */}}x{{- /* c */ -}} y", "xy" },
		{ "a {{- .N -}} b", "a7b" },
		{ "a {{-3}}", "a -3" },
		{ "{{.Label \"com.x.y\"}}|{{.Label \"nope\"}}|", "dot||" },
	};

	(void)state;
	gives(examples, ARRAY_SIZE(examples));
}

static void functions(void **state)
{
	static const struct example examples[] = {
		{ "{{html \"<a>&'\"}} {{js \"a'<\"}} {{urlquery \"a b/\" 1}}",
			"&lt;a&gt;&amp;&#39; a\\'\\u003C a+b%2F1" },
		{ "{{1.50}} {{1e3}} {{-2.5e-7}} {{0x1f}} {{'a'}} {{printf \"%.1f\" 2.25}}",
			"1.5 1000 -2.5e-07 31 97 2.2" },
		{ "{{range split \"a\u00e9b\" \"\"}}[{{.}}]{{end}}", "[a][\u00e9][b]" },
		{ "{{define \"x\"}}<{{.}}>{{end}}{{template \"x\" .Id}}{{block \"y\" 3}}({{.}}){{end}}",
			"<abc>(3)" },
		{ "{{json .State}}", "{\"Status\":\"running\",\"Pid\":42,\"Running\":true}" },
		{ "{{json .Id}} {{json .N}} {{json .Null}} {{.List | json}}",
			"\"abc\" 7 null [\"a\",\"b\",\"c\"]" },
		{ "{{json .Cmd}} {{json .None}} {{json .Config.Volumes}} {{len .Cmd}}",
			"null [] null 0" },
		{ "{{index .List 0}}{{index .List 2}}", "ac" },
		{ "{{index .Config.Labels \"com.x.y\"}}", "dot" },
		{ "{{index .Config.Labels \"nope\"}}|", "|" },
		{ "{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "8080" },
		{ "{{index .NetworkSettings.Ports \"80/tcp\" 0}}",
			"map[HostIp:0.0.0.0 HostPort:8080]" },
		{ "{{index \"abc\" 1}} {{slice \"abcdef\" 1 3}}", "98 bc" },
		{ "{{title \"big-world o'x\"}}", "Big-World O'X" },
		{ "{{printf \"%c %T %+d %v\" 65 1 5 nil}}", "A int +5 <nil>" },
		{ "{{len .List}} {{len .Id}} {{len .Config.Labels}} {{len .None}}", "3 3 3 0" },
		{ "{{join .List \",\"}}", "a,b,c" },
		{ "{{split \"x:y:z\" \":\"}}", "[x y z]" },
		{ "{{index (split .Name \"/\") 1}}", "web" },
		{ "{{upper .Id}} {{lower \"ABC\"}} {{title \"hello big world\"}}",
			"ABC abc Hello Big World" },
		{ "{{pad .Id 1 2}}|{{pad \"\" 1 2}}|", " abc  ||" },
		{ "{{truncate .State.Status 3}} {{truncate .Id 9}}", "run abc" },
		{ "{{print 1 2 \"x\" 3}}", "1 2x3" },
		{ "{{println .Id .N}}", "abc 7\n" },
		{ "{{printf \"%s-%d-%v-%q-%5d|%-5s|%05d|%x|%%\" .Id .N .T .Id .N .Id .N 255}}",
			"abc-7-true-\"abc\"-    7|abc  |00007|ff|%" },
		{ "{{printf \"%d\" .Id}} {{printf \"%s\"}} {{printf \"x\" 1}}",
			"%!d(string=abc) %!s(MISSING) x%!(EXTRA int=1)" },
		{ "{{printf \"%.2s\" .Id}}", "ab" },
		{ "{{.Id | printf \"%s/%s\" \"x\"}}", "x/abc" },
		{ "{{.Id | upper | printf \"%q\"}}", "\"ABC\"" },
	};

	(void)state;
	gives(examples, ARRAY_SIZE(examples));
}

static void conditions(void **state)
{
	static const struct example examples[] = {
		{ "{{if .T}}yes{{end}}{{if .F}}no{{end}}", "yes" },
		{ "{{if .Empty}}a{{else}}b{{end}}", "b" },
		{ "{{if .None}}a{{else if .N}}n{{else}}b{{end}}", "n" },
		{ "{{if eq .N 7}}seven{{end}}", "seven" },
		{ "{{eq .Id \"x\" \"abc\"}} {{ne .Id \"abc\"}}", "true false" },
		{ "{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge \"b\" \"a\"}}", "true true false true" },
		{ "{{and .T .N}} {{and .F .N}} {{or .Empty .Id}} {{not .T}}", "7 false abc false" },
		{ "{{or .Id .State.Nope}}", "abc" }, /* the second is not looked at */
		{ "{{if and .T (eq .State.Status \"running\")}}up{{end}}", "up" },
		{ "{{with .State}}{{.Pid}} {{$.Id}}{{end}}", "42 abc" },
		{ "{{with .Empty}}x{{else}}y{{end}}", "y" },
		{ "{{with $s := .State}}{{$s.Status}}{{end}}", "running" },
		{ "{{$x := 1}}{{if .T}}{{$x = 2}}{{end}}{{$x}}", "2" },
		{ "{{$x := 1}}{{if .T}}{{$x := 2}}{{end}}{{$x}}", "1" },
		{ "{{eq .Null nil}}", "true" },
		{ "{{if eq (index .Config.Labels \"nope\") \"\"}}none{{end}}", "none" },
	};

	(void)state;
	gives(examples, ARRAY_SIZE(examples));
}

static void loops(void **state)
{
	static const struct example examples[] = {
		{ "{{range .List}}{{.}},{{end}}", "a,b,c," },
		{ "{{range $i, $v := .List}}{{$i}}={{$v}} {{end}}", "0=a 1=b 2=c " },
		{ "{{range $v := .List}}{{$v}}{{end}}", "abc" },
		{ "{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}};{{end}}",
			"a:1;b:2;com.x.y:dot;" },
		{ "{{range .None}}x{{else}}empty{{end}}", "empty" },
		{ "{{range .Null}}x{{else}}empty{{end}}", "empty" },
		{ "{{range .Mounts}}{{.Source}}{{if not .RW}}:ro{{end}} {{end}}", "/s1 /s2:ro " },
		{ "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "10.0.2.15" },
		{ "{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{range $c}}{{.HostPort}}{{end}}\n"
		  "{{end}}",
			"80/tcp -> 8080\n81/tcp -> \n" },
		{ "{{range .Nums}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}}", "13" },
		{ "{{range .Nums}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}}", "1" },
		{ "{{range .List}}{{$.N}}{{end}}", "777" },
		{ "{{range $i, $_ := .List}}{{if $i}}, {{end}}{{.}}{{end}}", "a, b, c" },
	};

	(void)state;
	gives(examples, ARRAY_SIZE(examples));
}

static void errors_read_as_dockers(void **state)
{
	static const struct example examples[] = {
		{ "{{.Foo}}",
			"template: :1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\"" },
		{ "x\n{{.State.Foo}}",
			"template: :2:8: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\"" },
		{ "{{.Id.Foo}}",
			"template: :1:5: executing \"\" at <.Id.Foo>: can't evaluate field Foo in type "
			"interface {}" },
		{ "{{.Null.Foo}}",
			"template: :1:7: executing \"\" at <.Null.Foo>: nil pointer evaluating "
			"interface {}.Foo" },
		{ "{{index .List 9}}",
			"template: :1:2: executing \"\" at <index .List 9>: error calling "
			"index: index out of range: 9" },
		{ "{{index .N 0}}",
			"template: :1:2: executing \"\" at <index .N 0>: error calling index: "
			"can't index item of type int" },
		{ "{{lt 1 \"a\"}}",
			"template: :1:2: executing \"\" at <lt 1 \"a\">: error calling lt: "
			"incompatible types for comparison" },
		{ "{{range .N}}{{end}}",
			"template: :1:8: executing \"\" at <.N>: range can't iterate over 7" },
		{ "{{.Id 3}}",
			"template: :1:2: executing \"\" at <.Id>: Id is not a method but has "
			"arguments" },
		{ "{{join .List}}",
			"template: :1:2: executing \"\" at <join>: wrong number of args "
			"for join: want 2 got 1" },
		{ "{{upper .N}}", "template: :1:8: executing \"\" at <.N>: wrong type for value; "
				  "expected string; got int" },
		{ "{{upper 1}}",
			"template: :1:8: executing \"\" at <1>: expected string; found 1" },
		{ "{{1 2}}",
			"template: :1:2: executing \"\" at <1>: can't give argument to non-function "
			"1" },
		{ "{{and}}",
			"template: :1:2: executing \"\" at <and>: wrong number of args for and: "
			"want at least 1 got 0" },
		{ "{{if .T}}{{$y := 1}}{{end}}{{$y}}", "template: :1: undefined variable \"$y\"" },
		{ "{{slice \"abc\" 2 9}}", "template: :1:2: executing \"\" at <slice \"abc\" 2 9>: "
					   "error calling slice: index out of range: 9" },
		{ "{{$x}}", "template: :1: undefined variable \"$x\"" },
		{ "{{.Id", "template: :1: unclosed action" },
		{ "{{", "template: :1: unclosed action" },
		{ "{{}}", "template: :1: missing value for command" },
		{ "{{nope .Id}}", "template: :1: function \"nope\" not defined" },
		{ "{{if .T}}", "template: :1: unexpected EOF" },
		{ "\n{{end}}", "template: :2: unexpected {{end}}" },
		{ "{{else}}", "template: :1: unexpected {{else}}" },
		{ "{{if}}{{end}}", "template: :1: missing value for if" },
		{ "{{(.Id}}", "template: :1: unclosed left paren" },
		{ "{{.Id)}}", "template: :1: unexpected right paren" },
		{ "{{\"abc}}", "template: :1: unterminated quoted string" },
		{ "{{.Id | \"x\"}}", "template: :1: non executable command in pipeline stage 2" },
		{ "{{break}}", "template: :1: {{break}} outside {{range}}" },
		{ "{{/* x}}", "template: :1: unclosed comment" },
		{ "{{.Id ! 3}}", "template: :1: unexpected \"!\" in operand" },
		{ "{{12x}}", "template: :1: bad number syntax: \"12x\"" },
		{ "{{1e999}}", "template: :1: bad number syntax: \"1e999\"" },
	};

	(void)state;
	fails(examples, ARRAY_SIZE(examples));
}

static void a_wrong_field_of_a_row_names_the_type(void **state)
{
	autotemplate struct template *t = NULL;
	autojson struct json *row = json_new_map();
	autobuf struct buf out = BUF_INIT;
	struct template_env env = { .data = row, .type = "*formatter.ContainerContext" };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(template_parse("{{.Foo}}", &t, &err), 0);
	assert_int_equal(template_execute(t, &env, &out, &err), -EINVAL);
	assert_string_equal(err.text,
		"template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo "
		"in type *formatter.ContainerContext");
}

static void deep_nesting_is_refused_and_not_a_crash(void **state)
{
	autobuf struct buf parens = BUF_INIT, blocks = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&parens, "{{");
	for (int i = 0; i < 100000; i++) {
		buf_addc(&parens, '(');
		buf_adds(&blocks, "{{if .T}}");
	}
	assert_int_equal(render(parens.data, &out, &err), -EINVAL);
	assert_int_equal(render(blocks.data, &out, &err), -EINVAL);
	assert_string_equal(err.text, "template: :1: nested too deeply");
}

static void use_of_a_field_is_known_before_running(void **state)
{
	autotemplate struct template *t = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		template_parse("{{range .A}}{{if (eq .Size 1)}}{{end}}{{end}}", &t, &err), 0);
	assert_true(template_uses(t, "Size"));
	assert_false(template_uses(t, "Names"));
	assert_false(template_uses_all(t));
}

static void use_of_the_whole_is_known_too(void **state)
{
	static const char *const texts[] = { "{{json .}}", "{{.}}", "{{$.ID}}",
		"{{with .ID}}{{.}}{{end}}", "{{(.).ID}}",
		"{{define \"x\"}}{{.ID}}{{end}}{{template \"x\" .}}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		autotemplate struct template *t = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(template_parse(texts[i], &t, &err), 0);
		assert_true(template_uses_all(t));
	}
}

TEST_MAIN(cmocka_unit_test(fields_and_text), cmocka_unit_test(functions),
	cmocka_unit_test(conditions), cmocka_unit_test(loops),
	cmocka_unit_test(errors_read_as_dockers),
	cmocka_unit_test(a_wrong_field_of_a_row_names_the_type),
	cmocka_unit_test(deep_nesting_is_refused_and_not_a_crash),
	cmocka_unit_test(use_of_a_field_is_known_before_running),
	cmocka_unit_test(use_of_the_whole_is_known_too))
