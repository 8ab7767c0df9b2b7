"""The formats of keys and tokens: of model providers, clouds, code hosts and others.

A mark of the format is searched first, which costs next to nothing; the expression is tried only
where the mark is found. If an expression has a group, only the group is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

# A key begins where no word goes on: after the escapes of JSON (\n, \u003c) and of URLs (%20) too.
BEGIN = (
    rb"(?:(?<![A-Za-z0-9_+\\-])|(?<=(?<!\\)\\[nrtbf])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])"
    rb"|(?<=\\u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]))"
)

# Base64, in URLs and in JSON of careful writers too.
_CODE, _PAD = rb"(?:[\w+/-]|%(?:25)?2[BbFf]|\\/)", rb"(?:={1,2}|(?:%(?:25)?3[Dd]){1,2})?"


@dataclass(frozen=True)
class Format:
    """The format of one kind of secret.

    Args:
        name: The name of the placeholder.
        marks: Every secret contains one of these; without any, the expression is always tried.
        expression: The source of a regular expression (of bytes) for a whole secret.
        leads: Whether every secret begins with one of the marks, which makes the search fast.
        anywhere: Whether it may also begin inside a word.
        around: Whether a mark may be outside the sixteen or more characters of the secret itself,
            or the secret may be shorter.
    """

    name: str
    marks: tuple[bytes, ...]
    expression: bytes
    leads: bool = True
    anywhere: bool = False
    around: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """The regular expression, compiled when a mark is found for the first time."""
        source = self.expression if self.anywhere else BEGIN + b"(?:" + self.expression + b")"
        return re.compile(source)

    def found(self, raw: bytes) -> Iterator[re.Match[bytes]]:
        """Yield each secret of this format in `raw`."""
        if not (self.leads and self.marks):
            yield from self.pattern.finditer(raw)
            return
        match = self.pattern.match
        for mark in self.marks:
            at = raw.find(mark)
            while at >= 0:
                secret = match(raw, at)
                if secret:
                    yield secret
                at = raw.find(mark, secret.end() if secret else at + 1)


def _key(name: str, mark: str, rest: str) -> Format:
    """A key that begins with a mark of its own."""
    return Format(name, (mark.encode(),), re.escape(mark.encode()) + rest.encode())


_MODELS = (
    _key("ANTHROPIC_API_KEY", "sk-ant-", r"[\w-]{16,}"),
    _key("OPENROUTER_API_KEY", "sk-or-", r"[\w-]{16,}"),
    _key("LANGFUSE_SECRET_KEY", "sk-lf-", r"[\w-]{16,}"),
    _key("HELICONE_API_KEY", "sk-helicone-", r"[\w-]{16,}"),
    Format("REQUESTY_API_KEY", (b"rqsty-",), rb"rqsty-(?:sk-)?[\w-]{16,}"),
    Format(
        "OPENAI_API_KEY",
        (b"sk-", b"sess-"),
        rb"sk-(?:proj|svcacct|service|admin|None)-[\w-]{16,}|sk-(?!ant-|or-|lf-|helicone-)(?:[\w-]{4,32}-)?"
        rb"(?=[A-Za-z]{0,64}\d)[A-Za-z0-9]{20,}[\w-]*|sk-[A-Za-z0-9]{32,}|sess-[A-Za-z0-9]{32,}",
    ),
    # Of a browser that opens a WebSocket, whichever kind of key it has.
    Format(
        "OPENAI_API_KEY",
        (b"openai-insecure-api-key.",),
        rb"openai-insecure-api-key\.([\w.-]{8,})",
    ),
    _key("OPENAI_ORGANIZATION", "org-", r"[A-Za-z0-9]{22,}"),
    _key("GOOGLE_API_KEY", "AIza", r"[\w-]{30,}"),
    _key("GEMINI_API_KEY", "AQ.", r"[\w-]{32,}"),
    _key("GOOGLE_ACCESS_TOKEN", "ya29.", r"[\w.-]{20,}"),
    _key("GOOGLE_REFRESH_TOKEN", "1//0", r"[\w-]{30,}"),
    _key("GOOGLE_CLIENT_SECRET", "GOCSPX-", r"[\w-]{20,}"),
    _key("GROQ_API_KEY", "gsk_", r"[A-Za-z0-9]{32,}"),
    _key("HF_TOKEN", "hf_", r"[A-Za-z0-9]{30,}"),
    _key("HF_TOKEN", "api_org_", r"[A-Za-z0-9]{30,}"),
    _key("REPLICATE_API_TOKEN", "r8_", r"[A-Za-z0-9]{30,}"),
    _key("PERPLEXITY_API_KEY", "pplx-", r"[A-Za-z0-9]{32,}"),
    _key("XAI_API_KEY", "xai-", r"[A-Za-z0-9]{40,}"),
    _key("FIREWORKS_API_KEY", "fw_", r"[A-Za-z0-9]{20,}"),
    _key("TOGETHER_API_KEY", "tgp_v1_", r"[\w-]{24,}"),
    _key("NVIDIA_API_KEY", "nvapi-", r"[\w-]{32,}"),
    _key("CEREBRAS_API_KEY", "csk-", r"[A-Za-z0-9]{32,}"),
    _key("PINECONE_API_KEY", "pcsk_", r"[\w-]{30,}"),
    _key("TAVILY_API_KEY", "tvly-", r"[\w-]{20,}"),
    _key("FIRECRAWL_API_KEY", "fc-", r"[0-9a-f]{32}"),
    Format("LANGSMITH_API_KEY", (b"lsv2_", b"ls__"), rb"(?:lsv2_(?:pt|sk)_|ls__)[0-9a-f]{32}\w*"),
    _key("JINA_API_KEY", "jina_", r"[\w-]{40,}"),
    _key("VOYAGE_API_KEY", "pa-", r"[\w-]{40,}"),
    _key("ELEVENLABS_API_KEY", "sk_", r"[0-9a-f]{48}"),
    _key("E2B_API_KEY", "e2b_", r"[0-9a-f]{40}"),
    _key("BROWSERBASE_API_KEY", "bb_live_", r"[\w-]{20,}"),
    Format("LOGFIRE_TOKEN", (b"pylf_v",), rb"pylf_v\d_(?:[a-z]{2,8}_)?[A-Za-z0-9]{30,}"),
    _key("RUNPOD_API_KEY", "rpa_", r"[A-Za-z0-9]{40,}"),
    _key("LLAMA_CLOUD_API_KEY", "llx-", r"[A-Za-z0-9]{40,}"),
    _key("ANYSCALE_API_KEY", "esecret_", r"[A-Za-z0-9]{20,}"),
    _key("OPENAI_EPHEMERAL_KEY", "ek_", r"[0-9a-f]{32,}(?![A-Za-z0-9])"),
    _key("BAIDU_API_KEY", "bce-v3/ALTAK-", r"[A-Za-z0-9]{16,}/[0-9a-f]{32,}"),
    # The mark is in the middle of a key of 84 characters.
    Format(
        "AZURE_OPENAI_API_KEY",
        (b"JQQJ99",),
        rb"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}(?![A-Za-z0-9])",
        leads=False,
    ),
    _key("DATABRICKS_TOKEN", "dapi", r"[0-9a-f]{32}(?:-\d)?"),
)
_CLOUDS = (
    Format(
        "AWS_ACCESS_KEY_ID",
        (b"AKIA", b"ASIA", b"ABIA", b"ACCA"),
        rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    ),
    # Behind its id, or behind its name.
    Format(
        "AWS_SECRET_ACCESS_KEY",
        (b"AKIA", b"ASIA", b"<AWS_ACCESS_KEY_ID"),
        rb"(?:(?:AKIA|ASIA)[A-Z0-9]{16}|<AWS_ACCESS_KEY_ID(?:_\d+)?>)[^A-Za-z0-9][^\n]{0,80}?"
        rb"(?<![A-Za-z0-9/+])((?:[A-Za-z0-9/+]|%(?:25)?2[BbFf]|\\/){40})(?![A-Za-z0-9/+=])",
        anywhere=True,
        around=True,
    ),
    Format(
        "AWS_SECRET_ACCESS_KEY",
        (b"ecret", b"ECRET"),
        rb"(?i:secret_?(?:access_?)?key)[\s\"'\\:=>]{1,8}((?:[A-Za-z0-9/+]|%(?:25)?2[BbFf]|\\/){40})(?![A-Za-z0-9/+=])",
        leads=False,
        anywhere=True,
        around=True,
    ),
    Format(
        "AWS_SESSION_TOKEN",
        (b"IQoJb3JpZ2lu", b"FwoGZXIvYXdz"),
        rb"(?:IQoJ|FwoG)" + _CODE + rb"{80,}" + _PAD,
    ),
    Format(
        "AWS_BEARER_TOKEN_BEDROCK",
        (b"ABSK", b"bedrock-api-key-"),
        rb"(?:ABSK|bedrock-api-key-)" + _CODE + rb"{40,}" + _PAD,
    ),
    Format(
        "AZURE_STORAGE_KEY",
        (b"AccountKey", b"SharedAccessKey"),
        rb"(?:AccountKey|SharedAccessKey)(?:=|%(?:25)?3[Dd])(" + _CODE + rb"{20,}" + _PAD + rb")",
        anywhere=True,
    ),
    Format("AZURE_SAS", (b"sig=",), rb"(?<=[?&;])sig=([\w%+/-]{20,}=?)", anywhere=True),
    Format("AZURE_CLIENT_SECRET", (b"Q~",), rb"[\w~.-]{3}\dQ~[\w~.-]{31,34}", leads=False),
    Format(
        "DIGITALOCEAN_TOKEN",
        (b"doo_v1_", b"dop_v1_", b"dor_v1_", b"dot_v1_"),
        rb"do[oprt]_v1_[0-9a-f]{32,}",
    ),
    _key("ALIBABA_ACCESS_KEY_ID", "LTAI", r"[A-Za-z0-9]{12,}"),
    _key("VAULT_TOKEN", "hvs.", r"[\w-]{24,}"),
    _key("HEROKU_API_KEY", "HRKU-", r"[\w-]{30,}"),
    _key("DOPPLER_TOKEN", "dp.", r"(?:pt|st|ct|sa)\.[\w.-]{30,}"),
    Format("GRAFANA_TOKEN", (b"glsa_", b"glc_"), rb"glsa_\w{32,}|glc_" + _CODE + rb"{32,}" + _PAD),
    # JSON in base64 that begins with the key `k`.
    _key("GRAFANA_TOKEN", "eyJrIjoi", r"[A-Za-z0-9]{70,}={0,3}"),
    Format("SENTRY_TOKEN", (b"sntry",), rb"sntry[su]_" + _CODE + rb"{30,}" + _PAD),
    _key("NEW_RELIC_API_KEY", "NRAK-", r"[A-Z0-9]{20,}"),
    Format(
        "SUPABASE_KEY", (b"sbp_", b"sb_secret_"), rb"(?:sbp_[0-9a-f]{32,}|sb_secret_[\w-]{20,})"
    ),
    _key("DOCKER_TOKEN", "dckr_pat_", r"[\w-]{20,}"),
    Format("FLY_API_TOKEN", (b"fm2_",), rb"fm2_" + _CODE + rb"{60,}" + _PAD),
)
_GITLAB = (
    *(b"glpat-", b"gldt-", b"glrt-", b"glrtr-", b"glptt-", b"glsoat-", b"glft-", b"glcbt-"),
    *(b"glimt-", b"gloas-", b"glagent-", b"glffct-"),
)
_SERVICES = (
    Format(
        "GITHUB_TOKEN",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),
        rb"gh[pousr]_[A-Za-z0-9]{30,}",
    ),
    _key("GITHUB_TOKEN", "github_pat_", r"\w{40,}"),
    Format("GITLAB_TOKEN", _GITLAB, b"(?:" + b"|".join(_GITLAB) + rb")[\w.-]{20,}"),
    _key("NPM_TOKEN", "npm_", r"[A-Za-z0-9]{30,}"),
    _key("PYPI_TOKEN", "pypi-", r"[\w-]{40,}"),
    Format(
        "SLACK_TOKEN",
        (b"xox", b"xapp-"),
        rb"xox[abceoprs](?:\.xox[bp])?-[\w-]{11,}|xapp-\d-[\w-]{20,}",
    ),
    Format(
        "SLACK_WEBHOOK",
        (b"hooks.slack.com",),
        rb"hooks\.slack\.com\\?/(?:services|workflows|triggers)\\?/((?:[\w+-]|\\?/){20,})",
        anywhere=True,
    ),
    Format(
        "STRIPE_API_KEY",
        (b"sk_live_", b"sk_test_", b"rk_live_", b"rk_test_"),
        rb"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    ),
    Format("WEBHOOK_SECRET", (b"whsec_",), rb"whsec_" + _CODE + rb"{16,}" + _PAD),
    Format("TWILIO_API_KEY", (b"SK",), rb"SK[0-9a-f]{32}(?![0-9A-Za-z])"),
    _key("SENDGRID_API_KEY", "SG.", r"[\w-]{16,}\.[\w-]{16,}"),
    _key("MAILGUN_API_KEY", "key-", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    Format("MAILCHIMP_API_KEY", (b"-us",), rb"[0-9a-f]{32}-us\d{1,2}(?!\d)", leads=False),
    Format(
        "TELEGRAM_BOT_TOKEN",
        (b"bot", b":AA", b"3AAA", b"3aAA"),
        rb"(?:(?<=bot)|(?<!\d))\d{6,12}(?::|%(?:25)?3[Aa])AA[\w-]{30,}"
        rb"|(?<=bot)\d{6,12}(?::|%(?:25)?3[Aa])[\w-]{30,}",
        leads=False,
        anywhere=True,
    ),
    Format(
        "DISCORD_BOT_TOKEN",
        # The first part is base64 of digits.
        tuple(f"{first}{second}".encode() for first in "MNO" for second in "DTjz"),
        rb"[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,}(?![\w-]|\.[\w-]{8})",
    ),
    Format(
        "DISCORD_WEBHOOK",
        (b"/webhooks/",),
        rb"discord(?:app)?\.com\\?/api\\?/webhooks\\?/\d+\\?/([\w-]{40,})",
        leads=False,
        anywhere=True,
    ),
    Format("SHOPIFY_TOKEN", (b"shp",), rb"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _key("LINEAR_API_KEY", "lin_api_", r"[A-Za-z0-9]{32,}"),
    Format("NOTION_TOKEN", (b"ntn_", b"secret_"), rb"(?:ntn|secret)_[A-Za-z0-9]{40,}"),
    _key("FIGMA_TOKEN", "figd_", r"[\w-]{36,}"),
    _key("NETLIFY_TOKEN", "nfp_", r"[A-Za-z0-9]{32,}"),
    _key("ATLASSIAN_TOKEN", "ATATT3", r"[\w=-]{60,}"),
    Format("AIRTABLE_TOKEN", (b"pat",), rb"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    Format("SQUARE_TOKEN", (b"sq0", b"EAAA"), rb"sq0[a-z]{3}-[\w-]{22,}|EAAA[\w-]{60}"),
    _key("POSTHOG_API_KEY", "phx_", r"\w{32,}"),
    _key("RESEND_API_KEY", "re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{24}(?![A-Za-z0-9])"),
    _key("POSTMAN_API_KEY", "PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    Format(
        "HUBSPOT_TOKEN",
        (b"pat-",),
        rb"pat-(?:na|eu|ap)\d?-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    _key("NEON_API_KEY", "napi_", r"[a-z0-9]{40,}"),
    Format(
        "VERCEL_TOKEN",
        (b"vcp_", b"vck_", b"vca_", b"vci_", b"vcr_"),
        rb"vc[pkair]_[A-Za-z0-9]{24,}",
    ),
    _key("VERCEL_BLOB_TOKEN", "vercel_blob_rw_", r"[A-Za-z0-9]{16,}_[A-Za-z0-9]{16,}"),
    Format(
        "TAILSCALE_KEY",
        (b"tskey-",),
        rb"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,}(?:-[A-Za-z0-9]{16,})?",
    ),
    Format("PLANETSCALE_TOKEN", (b"pscale_",), rb"pscale_(?:tkn|pw|oauth)_[\w.=-]{32,}"),
    Format(
        "TERRAFORM_TOKEN", (b".atlasv1.",), rb"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}", leads=False
    ),
    Format("CIRCLECI_TOKEN", (b"CCIP",), rb"CCIP(?:AT|RJ)_[A-Za-z0-9]{16,}_[0-9a-f]{40}"),
    Format("BUILDKITE_TOKEN", (b"bkua_", b"bkaj_", b"bkct_"), rb"bk(?:ua|aj|ct)_[A-Za-z0-9_]{36,}"),
    Format("SONAR_TOKEN", (b"squ_", b"sqp_", b"sqa_"), rb"sq[upa]_[0-9a-f]{40}"),
    _key("PULUMI_ACCESS_TOKEN", "pul-", r"[0-9a-f]{40}"),
    Format("DROPBOX_TOKEN", (b"sl.",), rb"sl\.(?:u\.)?[\w-]{100,}"),
    Format("BREVO_API_KEY", (b"xkeysib-", b"xsmtpsib-"), rb"x(?:key|smtp)sib-[0-9a-f]{64}-\w{16}"),
    Format("OP_SERVICE_ACCOUNT_TOKEN", (b"ops_eyJ",), rb"ops_eyJ[\w+/-]{60,}={0,2}"),
    Format(
        "OP_SECRET_KEY",
        (b"A3-",),
        rb"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}(?![A-Z0-9-])",
    ),
    Format(
        "ZAPIER_WEBHOOK",
        (b"hooks.zapier.com",),
        rb"hooks\.zapier\.com\\?/hooks\\?/catch\\?/(\d+\\?/\w{5,})",
        anywhere=True,
    ),
    Format(
        "TEAMS_WEBHOOK",
        (b".webhook.office.com",),
        rb"\.webhook\.office\.com\\?/webhookb2\\?/([0-9a-z-]{36}@(?:[\w@-]|\\?/){40,})",
        anywhere=True,
    ),
    Format(
        "PAYPAL_TOKEN",
        (b"access_token$",),
        rb"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
        around=True,
    ),
    _key("DYNATRACE_TOKEN", "dt0c01.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _key("RUBYGEMS_API_KEY", "rubygems_", r"[0-9a-f]{48}"),
    _key("CARGO_REGISTRY_TOKEN", "cio", r"[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    _key("PREFECT_API_KEY", "pnu_", r"[A-Za-z0-9]{36}"),
    _key("README_API_KEY", "rdme_", r"[a-z0-9]{70}"),
    _key("SHIPPO_TOKEN", "shippo_", r"(?:live|test)_[0-9a-f]{40}"),
    _key("FRAMEIO_TOKEN", "fio-u-", r"[\w=-]{64}"),
    _key("DUFFEL_TOKEN", "duffel_", r"(?:test|live)_[\w=-]{43}"),
    Format("EASYPOST_TOKEN", (b"EZAK", b"EZTK"), rb"EZ[AT]K[A-Za-z0-9]{54}"),
    _key("FLUTTERWAVE_KEY", "FLWSECK", r"(?:_TEST)?-[0-9a-h]{12,}"),
    _key("CLOJARS_TOKEN", "CLOJARS_", r"[0-9a-z]{60}"),
    _key("SCALINGO_TOKEN", "tk-us-", r"[\w-]{48}"),
    _key("DEFINED_TOKEN", "dnkey-", r"[a-z0-9=_-]{26}-[a-z0-9=_-]{52}"),
    _key("INFRACOST_API_KEY", "ico-", r"[A-Za-z0-9]{32}"),
    _key("HARNESS_API_KEY", "pat.", r"[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}"),
    _key("VAULT_TOKEN", "hvb.", r"[\w-]{100,}"),
    _key("ADOBE_CLIENT_SECRET", "p8e-", r"[A-Za-z0-9]{32}"),
    _key("OPENSHIFT_TOKEN", "sha256~", r"[\w-]{43}(?![\w-])"),
    _key("MAPBOX_SECRET_TOKEN", "sk.eyJ", r"[\w-]{60,}\.[\w-]{20,}"),
    _key("ARTIFACTORY_TOKEN", "AKCp", r"[A-Za-z0-9]{69}"),
    _key("ARTIFACTORY_TOKEN", "cmVmd", r"[A-Za-z0-9]{59}"),
    _key("BITBUCKET_TOKEN", "ATCTT3xFfG", r"[\w=-]{100,}"),
    _key("BITBUCKET_APP_PASSWORD", "ATBB", r"[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    Format("AZURE_DEVOPS_TOKEN", (b"AZDO",), rb"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}", leads=False),
    _key("TYPEFORM_TOKEN", "tfp_", r"[\w.=-]{40,59}"),
    _key("RENDER_API_KEY", "rnd_", r"[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    _key("ADAFRUIT_IO_KEY", "aio_", r"[A-Za-z0-9]{28}(?![A-Za-z0-9])"),
    _key("APIFY_TOKEN", "apify_api_", r"[A-Za-z0-9-]{36}"),
    _key("BITBUCKET_TOKEN", "BBDC-", r"[\w+/@-]{40,}"),
    Format("BANNERBEAR_API_KEY", (b"bb_pr_", b"bb_ma_"), rb"bb_(?:pr|ma)_[0-9a-f]{30}"),
    Format(
        "CLOUDFLARE_API_TOKEN",
        (b"cfat_", b"cfut_", b"cfk_"),
        rb"cf(?:at|ut|k)_[A-Za-z0-9]{40}[0-9a-f]{8}",
    ),
    Format("DENO_DEPLOY_TOKEN", (b"ddp_", b"ddw_"), rb"dd[pw]_[A-Za-z0-9]{36}"),
    _key("FIGMA_TOKEN", "figp_", r"[\w=-]{40,}"),
    _key("FLEETBASE_API_KEY", "flb_live_", r"[A-Za-z0-9]{20}"),
    _key("FLEXPORT_TOKEN", "shltm_", r"[\w-]{40}"),
    Format("NEW_RELIC_KEY", (b"NRII-", b"NRIQ-"), rb"NRI[IQ]-[\w-]{25}"),
    _key("NIGHTFALL_API_KEY", "NF-", r"[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    _key("PAGARME_API_KEY", "ak_live_", r"[A-Za-z0-9]{30}"),
    _key("RAMP_CLIENT_SECRET", "ramp_sec_", r"[A-Za-z0-9]{48}"),
    Format("RECHARGE_TOKEN", (b"sk_",), rb"sk(?:_test)?_\d{1,2}x\d_[0-9a-fA-F]{64}"),
    _key("ROBINHOOD_API_KEY", "rh-api-", r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    _key("ROOTLY_API_KEY", "rootly_", r"[0-9a-f]{64}"),
    _key("SALAD_API_KEY", "salad_cloud_", r"[A-Za-z0-9]{1,7}_[A-Za-z0-9]{16,}"),
    _key("SONAR_TOKEN", "sqco_", r"[A-Za-z0-9]{40,}"),
    _key("SOURCEGRAPH_TOKEN", "slk_", r"[0-9a-f]{64}"),
    Format("STRIPE_CLIENT_SECRET", (b"pi_",), rb"pi_[A-Za-z0-9]{24}_secret_[A-Za-z0-9]{25}"),
    _key("TRUFFLEHOG_SECRET", "thog-secret-", r"[0-9a-f]{32}"),
    _key("UBIDOTS_TOKEN", "BBFF-", r"[A-Za-z0-9]{30}"),
    _key("VOICEFLOW_API_KEY", "VF.", r"(?:(?:DM|WS)\.)?[0-9a-fA-F]{24}\.[A-Za-z0-9]{16}"),
    _key("SOURCEGRAPH_TOKEN", "sgp_", r"(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}"),
    _key(
        "LAUNCHDARKLY_SDK_KEY",
        "sdk-",
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    _key("CONTENTFUL_TOKEN", "CFPAT-", r"[\w-]{43}"),
    _key("DATADOG_APP_KEY", "ddapp_", r"[A-Za-z0-9]{34}"),
    Format(
        "SETTLEMINT_TOKEN", (b"sm_aat_", b"sm_pat_", b"sm_sat_"), rb"sm_[aps]at_[A-Za-z0-9]{16}"
    ),
    Format("MAXMIND_LICENSE_KEY", (b"_mmk",), rb"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk", leads=False),
    _key("CLOUDFLARE_ORIGIN_CA_KEY", "v1.0-", r"[0-9a-f]{24}-[0-9a-f]{146}"),
    _key("CLICKHOUSE_API_SECRET", "4b1d", r"[A-Za-z0-9]{38}(?![A-Za-z0-9])"),
    _key("GITLAB_TOKEN", "GR1348941", r"[\w-]{20,}"),
    Format("FACEBOOK_TOKEN", (b"EAAM", b"EAAC"), rb"EAA[MC][A-Za-z0-9]{100,}"),
    _key("FLY_API_TOKEN", "fo1_", r"[\w-]{43}"),
    Format("INTRA42_SECRET", (b"s-s4t2",), rb"s-s4t2(?:ud|af)-[0-9a-f]{64}"),
    _key("OCTOPUS_API_KEY", "API-", r"[A-Z0-9]{26}(?![A-Za-z0-9])"),
    Format(
        "AUTHRESS_KEY",
        (b"sc_", b"ext_", b"scauth_", b"authress_"),
        rb"(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}"
        rb"\.[\w+/=-]{30,120}",
    ),
    _key("AGE_SECRET_KEY", "AGE-SECRET-KEY-1", r"[A-Z0-9]{40,}"),
)
_SCHEMES = (
    *(b"postgresql", b"postgres", b"mysql", b"mariadb", b"mongodb", b"rediss", b"redis", b"amqps"),
    *(b"amqp", b"mssql", b"sqlserver", b"oracle", b"clickhouse", b"cockroachdb", b"nats", b"ftp"),
    *(b"sftp", b"ssh", b"smtps", b"smtp", b"ldaps", b"ldap", b"kafka", b"mqtts", b"mqtt", b"neo4j"),
    b"bolt",
)
_GENERAL = (
    Format(
        "PRIVATE_KEY",
        (b"PRIVATE KEY",),
        rb"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----"
        rb"[^-]{16,32768}(?:-(?!----)[^-]{0,4096}){0,8}"
        rb"-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----",
        leads=False,
        anywhere=True,
        around=True,
    ),
    # Signed, bare or encrypted.
    Format(
        "JWT",
        (b"eyJ",),
        rb"eyJ[\w-]{8,}\.(?:eyJ[\w-]{6,}\.[\w-]*|[\w-]*\.[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})",
    ),
    Format(
        "PASSWORD",
        _SCHEMES,
        b"(?:" + b"|".join(_SCHEMES) + rb")(?:\+[a-z0-9_+]{1,16})?"
        rb":\\?/\\?/[^:@/\s\"'\\<>]{0,128}:([^\s\"'\\<>]{1,256})@",
        around=True,
    ),
    Format(
        "PASSWORD",
        (b"assword=", b"ASSWORD=", b"wd=", b"WD=", b"assword ="),
        rb"(?i:server|host|data source|user(?: id|name)?|uid|dbname|database)"
        rb"\s{0,2}=[^\n\"]{1,200}?[;\s]"
        rb"(?i:password|pwd)\s{0,2}=\s{0,2}([^;\s\"'&\\<>]{3,256})",
        leads=False,
        anywhere=True,
        around=True,
    ),
    # On the command line of curl.
    Format(
        "PASSWORD",
        (b"-u ", b"--user ", b"--user="),
        rb"(?:-u|--user)[ =](?:\\{0,3}[\"'])?[\w.@+-]{1,64}:"
        rb"((?=[^\s\"'\\<>]{0,64}[A-Za-z])(?=[^\s\"'\\<>]{0,64}\d)[^\s\"'\\<>]{6,256})",
        around=True,
    ),
    Format(
        "COOKIE",
        (b"-b ",),
        rb"-b (?:\\{0,3}[\"'])?[\w.-]{1,64}="
        rb"((?=[^\s\"'\\<>]{0,64}[A-Za-z])(?=[^\s\"'\\<>]{0,64}\d)[^\s;\"'\\<>]{8,4096})",
        around=True,
    ),
    Format(
        "BEARER_TOKEN",
        (b"earer ", b"EARER "),
        rb"(?i:bearer) ((?=[A-Za-z._~+/-]{0,64}\d)[\w.~+/-]{20,}={0,2})",
        leads=False,
        anywhere=True,
        around=True,
    ),
)
FORMATS = (*_MODELS, *_CLOUDS, *_SERVICES, *_GENERAL)
# Names of people and of accounts: no keys, but not for everybody either.
PERSONAL = {
    "email": (
        Format(
            "EMAIL",
            (b"@", b"%40"),
            rb"[A-Za-z0-9][\w.+-]{0,63}(?:@|%40)(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])",
            leads=False,
            around=True,
        ),
    ),
    "arn": (Format("ARN", (b"arn:",), rb"arn:aws[\w-]*:[\w-]+:[\w-]*:\d*:[^\s\"'<>\\,;)\]}&]+"),),
    "account": (
        Format("ACCOUNT_ID", (b"arn:",), rb"arn:aws[\w-]*:[\w-]+:[\w-]*:(\d{12})(?!\d)"),
        Format(
            "ACCOUNT_ID",
            (b"ccount", b"CCOUNT", b"wner", b".dkr.ecr."),
            rb"(?i:account|owner)_?(?i:id|number)?[\s\"'\\:=>]{1,6}(\d{12})(?!\d)|(\d{12})(?=\.dkr\.ecr\.)",
            leads=False,
            around=True,
        ),
        Format("ACCOUNT_ID", (b"acct_",), rb"acct_[A-Za-z0-9]{14,}"),
        Format("ACCOUNT_ID", (b"AC",), rb"AC[0-9a-f]{32}(?![0-9A-Za-z])"),
        Format("ACCOUNT_ID", (b"user-",), rb"user-[A-Za-z0-9]{22,}"),
    ),
}
