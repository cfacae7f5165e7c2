# SPDX-License-Identifier: Apache-2.0
"""The corpus of templates: (command, template). What Docker's command line makes of each, on the data of
test_formats.py, is in tests/fixtures/formats.json. Not in it, because different: the length of a number ("len
.State.Pid" counts digits there), the order of the keys that `inspect --format json` has, and {{.Server.ApiVersion}},
which Docker spells APIVersion and sbx takes in both."""

PS, ALL = ("ps", "-a"), ("ps", "-a", "--no-trunc")
WEB, DB = ("inspect", "web"), ("inspect", "web", "db")
IMAGES, IMAGE = ("images",), ("image", "inspect", "busybox")
NETS, NET = ("network", "ls"), ("network", "inspect", "backend")
VOLS, VOL = ("volume", "ls"), ("volume", "inspect", "data1")
HISTORY, EVENTS = ("history", "busybox"), ("events", "--since", "1h", "--until", "0s", "-f", "type=container")
SEARCH, STATS = ("search", "-f", "is-official=true", "busybox"), ("stats", "--no-stream")

PLAIN = [
    # fields of ps
    *[(PS, "{{.%s}}" % field) for field in (
        "ID", "Names", "Image", "Command", "CreatedAt", "RunningFor", "Ports", "State", "Status", "Labels", "Mounts",
        "LocalVolumes", "Networks")],
    (ALL, "{{.ID}} {{.Image}} {{.Command}} {{.Mounts}}"), (PS, "{{.Label \"app\"}}"), (PS, "{{.Label \"none\"}}|"),
    (PS, "{{.Names}}: {{.Label \"tier\"}}"), (("ps", "-aq"), "{{.Names}}"), (("ps", "-a", "-n", "1"), "{{.Names}}"),
    (("ps", "-l"), "{{.Names}}"), (PS, "{{.ID}}\\t{{.Names}}"), (PS, "{{.ID}}\\n{{.Names}}"),
    # tables
    (PS, "table {{.Names}}\\t{{.Image}}"), (PS, "table {{.ID}}\\t{{.Names}}\\t{{.Command}}"), (PS, "table {{.Names}}"),
    (PS, "table {{.Names}} is {{.State}}"), (PS, "table {{.Ports}}\\t{{.Networks}}"), (PS, "table {{.Label \"app\"}}"),
    (PS, "table {{.Names}}\\t{{.Label \"app\"}}\\t{{.LocalVolumes}}"), (PS, "table {{upper .Names}}\\t{{.Mounts}}"),
    (PS, "table {{.Names}}\t{{.State}}"), (ALL, "table {{.ID}}\\t{{.Names}}"), (PS, "table {{json .Names}}\\t{{.State}}"),
    (PS, "table {{.Names}}\\t{{len .Names}}"), (("ps", "-aq"), "table {{.Names}}"), (PS, "table "),
    (PS, "table {{.CreatedAt}}\\t{{.Labels}}"), (PS, "table {{truncate .Names 2}}\\t{{.ID}}"),
    (PS, "table {{pad .Names 2 3}}|{{.ID}}"), (PS, "table {{title .Names}}"), (PS, "table {{lower .Image}} {{.State}}"),
    # functions
    (PS, "{{json .Names}}"), (PS, "{{json .Labels}} {{json .Ports}}"), (PS, "{{split .Names \"e\"}}"),
    (PS, "{{join (split .Labels \",\") \"; \"}}"), (PS, "{{lower .Names}} {{upper .Names}} {{title .Names}}"),
    (PS, "{{truncate .Names 2}}"), (PS, "{{truncate .Names 20}}"), (PS, "{{pad .Names 1 2}}|"), (PS, "{{pad \"\" 1 2}}|"),
    (PS, "{{println .Names .State}}"), (PS, "{{print .Names 1 2 .State}}"), (PS, "{{printf \"%-8s|%5s|\" .Names .State}}"),
    (PS, "{{printf \"%q %v %x\" .Names .State .Names}}"), (PS, "{{printf \"%d\" .Names}}"), (PS, "{{printf \"%s\"}}"),
    (PS, "{{printf \"%.2s %8.3s|\" .Names .State}}"), (PS, "{{printf \"%s\" .Names .State}}"), (PS, "{{printf \"%05d %+d %x\" 42 7 255}}"),
    (PS, "{{printf \"%6.2f|%t|%c|%%\" 3.14159 true 65}}"), (PS, "{{printf \"%T\" .Names}}"), (PS, "{{len .Names}}"),
    (PS, "{{index (split .Image \"u\") 1}}"), (PS, "{{slice .Names 1}}"), (PS, "{{slice .Names 0 2}}"), (PS, "{{html .Command}}"),
    (PS, "{{js .Command}}"), (PS, "{{urlquery .Command}}"), (PS, "{{.Names | upper | printf \"%s!\"}}"),
    (PS, "{{\"quoted\" | printf \"%q\"}} {{`raw \\n`}}"), (PS, "{{1}} {{-7}} {{3.5}} {{true}} {{'a'}} {{0x10}}"), (PS, "{{1.0}} {{1e3}}"),
    # control
    (PS, "{{if eq .State \"running\"}}up{{else}}down{{end}}"), (PS, "{{if .Ports}}{{.Ports}}{{else}}none{{end}}"),
    (PS, "{{if eq .State \"created\"}}c{{else if eq .State \"exited\"}}e{{else}}r{{end}}"),
    (PS, "{{with .Ports}}{{.}}{{else}}no ports of {{.Names}}{{end}}"), (PS, "{{with $n := .Names}}{{$n}}{{end}}"),
    (PS, "{{range split .Labels \",\"}}[{{.}}]{{end}}"), (PS, "{{range $i, $l := split .Labels \",\"}}{{$i}}={{$l}} {{end}}"),
    (PS, "{{range split .Names \"\"}}{{if eq . \"e\"}}{{continue}}{{end}}{{.}}{{end}}"),
    (PS, "{{range split .Names \"\"}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}"),
    (PS, "{{$x := .Names}}{{$x = upper $x}}{{$x}}"), (PS, "{{if and (ne .State \"exited\") .Ports}}y{{end}}-"),
    (PS, "{{if or (eq .Names \"db\") (eq .Names \"web\")}}{{.Names}}{{end}}."), (PS, "{{not .Ports}}"), (PS, "{{and .Ports .Names}}"),
    (PS, "{{or .Ports .Names}}"), (PS, "{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 3}} {{ne 1 2}} {{eq .Names \"db\" \"web\"}}"),
    (PS, "  {{- .Names -}}  x"), (PS, "{{/* a comment */}}{{.Names}}"), (PS, "{{- /* trimmed */ -}} {{.Names}}"),
    (PS, "{{define \"a\"}}<{{.}}>{{end}}{{template \"a\" .Names}}"), (PS, "{{block \"b\" .Names}}({{.}}){{end}}"),
    (PS, "{{with .Label \"tier\"}}{{.}}{{end}}|"), (PS, "{{.Names}}{{\"\\n\"}}{{.State}}"), (PS, "x{{\"\\t\"}}y"),
    # whole documents
    (PS, "json"), (PS, "{{json .}}"), (IMAGES, "json"), (NETS, "json"), (VOLS, "json"), (HISTORY, "json"),
    # inspect
    *[(WEB, template) for template in (
        "{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.State.Paused}}", "{{.Name}}", "{{.Id}}", "{{.ID}}",
        "{{.Config.Image}} {{.Path}} {{.Args}}", "{{json .Config.Labels}}", "{{index .Config.Labels \"app\"}}", "{{.Config.Labels}}",
        "{{.Config.Labels.app}}", "{{.Config.Labels.none}}", "{{index .Config.Labels \"none\"}}", "{{json .Config.Cmd}}",
        "{{.Config.Cmd}}", "{{join .Config.Cmd \" \"}}", "{{json .Mounts}}", "{{range .Mounts}}{{.Name}} {{.Destination}} {{.RW}}{{end}}",
        "{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "{{json .NetworkSettings.Ports}}",
        "{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{(index $c 0).HostPort}} {{end}}",
        "{{range $n, $v := .NetworkSettings.Networks}}{{$n}}{{end}}", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        "{{.NetworkSettings.IPAddress}}", "{{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}}", "{{json .HostConfig.PortBindings}}",
        "{{range $i, $e := .Config.Env}}{{if $i}}, {{end}}{{$e}}{{end}}", "{{len .Config.Env}} {{len .Mounts}}", "{{json .State.Error}}",
        "{{range .Config.Env}}{{println .}}{{end}}", "{{if .State.Health}}h{{else}}none{{end}}", "{{.HostConfig.Binds}}",
        "{{.Image}}", "{{.Driver}} {{.Platform}} {{.RestartCount}}", "{{json .HostConfig.RestartPolicy}}", "{{.Config.Tty}} {{.Config.WorkingDir}}",
        "{{with index .Mounts 0}}{{.Type}}:{{.Name}}{{end}}", "{{index .Args 0}}", "{{.State.StartedAt}}", "{{.Created}}",
        "{{eq .State.ExitCode 0}}", "{{gt .HostConfig.ShmSize 1000}}", "{{printf \"%.12s\" .Id}}", "{{slice .Id 0 12}}", "{{.Config.Entrypoint}}",
        "{{json .Config.Entrypoint}}", "{{.HostConfig.LogConfig.Type}}", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", "{{.Config.Hostname}}",
        "{{.Config.ExposedPorts}}", "{{json .Config.ExposedPorts}}", "{{.HostConfig.Privileged}}", "{{.HostConfig.AutoRemove}}",
        "{{.NetworkSettings.Networks.backend.IPAddress}}", "{{json .HostConfig.CapAdd}} {{.HostConfig.CapAdd}}", "{{.SizeRw}}",
        "{{.GraphDriver.Name}}", "{{title .Name}}", "{{json .State.Health}}", "{{.HostConfig.ShmSize}}", "{{.State}}x{{.Nothing}}",
        "{{index .Args 5}}", "{{index .Config.Env \"x\"}}", "{{.Name.Foo}}", "{{.State.Nothing}}")],
    (DB, "{{.Name}} {{.State.Status}}"), (DB, "{{range .Mounts}}{{.Source}}:{{.Destination}}:{{.Mode}} {{end}}"), (DB, "{{.Config.Labels}}"),
    (("inspect", "web", "nosuch"), "{{.Name}}"), (("inspect", "nosuch"), "{{.Name}}"), (("inspect", "--type", "image", "busybox"), "{{.Os}}"),
    (("container", "inspect", "nosuch"), "{{.Name}}"), (("image", "inspect", "nosuch"), "{{.Id}}"), (("volume", "inspect", "nosuch"), "{{.Name}}"),
    (("inspect", "-s", "web"), "{{.SizeRootFs}} {{.SizeRw}}"), (("inspect", "done"), "{{.State.ExitCode}} {{.State.Status}}"),
    # images
    *[(IMAGES, "{{.%s}}" % f) for f in ("Repository", "Tag", "ID", "Size", "CreatedAt", "CreatedSince", "Digest", "Containers", "SharedSize")],
    (IMAGES, "{{.Repository}}:{{.Tag}}"), (IMAGES, "table {{.Repository}}\\t{{.Tag}}\\t{{.ID}}\\t{{.Size}}"), (("images", "--digests"), "table {{.Repository}}\\t{{.Digest}}"),
    (("images", "--no-trunc"), "{{.ID}}"), (("images", "-q"), "{{.Tag}}"), (IMAGES, "table {{.ID}}"),
    *[(IMAGE, t) for t in (
        "{{.Id}}", "{{index .RepoTags 0}}", "{{.RepoTags}}", "{{json .RepoTags}}", "{{index .RepoDigests 0}}", "{{.Os}}/{{.Architecture}}", "{{.Size}}",
        "{{json .Config.Cmd}}", "{{.Config.Env}}", "{{len .RootFS.Layers}} {{.RootFS.Type}}", "{{json .RootFS}}", "{{.Created}}", "{{.Author}}|{{.Comment}}",
        "{{range .RepoTags}}{{.}} {{end}}", "{{.Config.WorkingDir}}", "{{.Config.Labels}}", "{{json .Config.Labels}}", "{{.Parent}}|", "{{.Nothing}}")],
    # networks, volumes
    *[(NETS, "{{.%s}}" % f) for f in ("Name", "Driver", "Scope", "IPv6", "IPv4", "Internal", "Labels", "ID", "CreatedAt")],
    (NETS, "{{.Name}} {{.Label \"n\"}}"), (NETS, "table {{.Name}}\\t{{.Driver}}\\t{{.Scope}}"), (("network", "ls", "--no-trunc"), "{{.ID}}"), (("network", "ls", "-q"), "{{.Name}}"),
    *[(NET, t) for t in (
        "{{.Name}} {{.Driver}} {{.Scope}}", "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}{{end}}", "{{json .Labels}}", "{{.Labels}}", "{{.Internal}} {{.EnableIPv6}}",
        "{{(index .IPAM.Config 0).Subnet}}", "{{range .Containers}}{{.Name}}{{end}}", "{{len .Containers}}", "{{json .Options}}", "{{.IPAM.Driver}}", "{{.Nope}}")],
    *[(VOLS, "{{.%s}}" % f) for f in ("Name", "Driver", "Scope", "Mountpoint", "Labels", "Links", "Size", "Availability", "Group", "Status")],
    (VOLS, "{{.Label \"a\"}}|"), (VOLS, "table {{.Name}}\\t{{.Driver}}"), (("volume", "ls", "-q"), "{{.Driver}}"),
    (VOL, "{{.Name}} {{.Driver}} {{.Scope}}"), (VOL, "{{json .Labels}}"), (VOL, "{{.Mountpoint}}"), (VOL, "{{.Labels.a}}"), (VOL, "{{.Options}}"), (VOL, "{{.Foo}}"),
    # history, events, search, stats, version, info
    *[(HISTORY, "{{.%s}}" % f) for f in ("ID", "CreatedBy", "CreatedAt", "CreatedSince", "Size", "Comment")],
    (HISTORY, "table {{.ID}}\\t{{.Size}}"), (("history", "-H=false", "busybox"), "{{.CreatedAt}} {{.CreatedSince}} {{.Size}}"),
    (("history", "--no-trunc", "busybox"), "{{.ID}}|{{.CreatedBy}}"), (("history", "-q", "busybox"), "{{.ID}}"),
    (EVENTS, "{{.Action}} {{.Actor.ID}}"), (EVENTS, "{{.Type}} {{.Actor.Attributes.name}} {{.From}}"), (EVENTS, "{{index .Actor.Attributes \"image\"}} {{.Scope}}"),
    (EVENTS, "{{.Status}} {{.ID}}"), (EVENTS, "json"), (EVENTS, "{{json .}}"), (EVENTS, "{{json .Actor}}"), (EVENTS, "{{.Nope}}"), (EVENTS, "{{.Time}}"),
    (SEARCH, "{{.Name}} {{.StarCount}}"), (SEARCH, "table {{.Name}}\\t{{.IsOfficial}}"), (SEARCH, "{{.Description}}|{{.IsAutomated}}"), (SEARCH, "json"), (SEARCH, "{{.Nope}}"),
    (STATS, "{{.Name}} {{.ID}} {{.Container}}"), (STATS, "{{.PIDs}}"), (STATS, "table {{.Name}}\\t{{.PIDs}}"), (STATS, "{{.Nope}}"),
    (("version",), "{{.Client.Os}} {{.Server.Os}}"), (("version",), "{{.Server.Version}}"), (("version",), "{{.Server.Arch}} {{.Client.Arch}}"), (("version",), "{{.Nope}}"),
    (("version",), "{{with .Server}}{{.Os}}{{end}}"), (("version",), "{{.Server.APIVersion}}"), (("info",), "{{.Containers}} {{.ContainersRunning}} {{.Images}}"),
    (("info",), "{{.Driver}} {{.OSType}} {{.Architecture}}"), (("info",), "{{gt .NCPU 0}} {{.MemTotal}}"), (("info",), "{{json .Driver}}"), (("info",), "{{.SecurityOptions}}"),
    (("info",), "{{.ServerVersion}}"), (("info",), "{{.Nope}}"), (("info",), "{{range .SecurityOptions}}{{println .}}{{end}}"),
    # what is no template, or cannot be evaluated
    *[(PS, t) for t in (
        "{{.Foo}}", "{{foo}}", "{{.Names", "{{if}}x{{end}}", "{{if .Names}}x", "{{end}}", "{{else}}", "{{range}}", "{{.Names}}}}", "{{nosuch .Names}}", "{{.Names | }}",
        "{{index .Names}}", "{{len}}", "{{json}}", "{{template \"x\"}}", "{{$x}}", "{{\"open}}", "{{'ab'}}", "{{.Names .Names}}", "{{upper 1}}", "{{upper}}",
        "{{join .Names}}", "{{len 3}}", "{{eq 1 \"a\"}}", "{{lt .Names 1}}", "{{index .Names 99}}", "{{slice .Names 9}}", "{{break}}", "{{1 2}}", "{{.}}x{{.Bar}}", "{{", "{{}}",
        "{{/* open", "{{ .Names | len | upper }}", "{{call .Names}}", "{{.Names.Foo}}", "{{with}}{{end}}", "{{define}}", "{{(.Names}}", "{{.Names)}}", "{{range .Names}}{{end}}",
        "{{truncate .Names}}", "{{pad .Names 1}}", "{{truncate .Names \"x\"}}", "table {{.Foo}}", "table {{.Names}", "{{nil}}", "{{printf}}", "{{printf 3}}", "{{not}}", "{{and}}",
        "{{#}}", "{{.Label}}", "{{.Label 1}}", "{{.Label \"a\" \"b\"}}", "{{index 1 2}}", "{{split .Names}}", "{{ 08 }}", "{{1x}}", "{{.Names.}}", "{{..}}", "{{if .Names}}{{else}}{{else}}{{end}}")],
]
