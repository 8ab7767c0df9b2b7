"""Keys of providers are found by their format, where no name gives them away."""

import json
import random
import re

import pytest

from pytest_agentcache.redaction import Redaction

HEX, LOWER = "0123456789abcdef", "abcdefghijklmnopqrstuvwxyz0123456789"
UPPER, LETTERS = LOWER.upper(), LOWER + LOWER[:26].upper()
ALPHABETS = {"h": HEX, "l": LOWER, "U": UPPER, "a": LETTERS, "d": "0123456789"}
UUID = "{h8}-{h4}-{h4}-{h4}-{h12}"
# The format as a template: `{h40}` is for 40 random characters of an alphabet. The keys are
# made when the tests run, so that no scanner of secrets finds one in the repository.
TEMPLATES = {
    "E2B_API_KEY": "e2b_{h40}",
    "BROWSERBASE_API_KEY": "bb_live_{a27}",
    "LOGFIRE_TOKEN": "pylf_v1_us_{a43}",
    "RUNPOD_API_KEY": "rpa_{U40}{l8}",
    "LLAMA_CLOUD_API_KEY": "llx-{a48}",
    "HELICONE_API_KEY": "sk-helicone-{l7}-{l7}-{l7}-{l7}",
    "ANYSCALE_API_KEY": "esecret_{a26}",
    "OPENAI_EPHEMERAL_KEY": "ek_{h32}",
    "BAIDU_API_KEY": "bce-v3/ALTAK-{a21}/{h40}",
    "AZURE_OPENAI_API_KEY": "{a52}JQQJ99{a26}",
    "RESEND_API_KEY": "re_{a8}_{a24}",
    "POSTMAN_API_KEY": "PMAK-{h24}-{h34}",
    "HUBSPOT_TOKEN": "pat-na1-{h8}-{h4}-{h4}-{h4}-{h12}",
    "NEON_API_KEY": "napi_{l64}",
    "VERCEL_TOKEN": "vcp_{a56}",
    "VERCEL_BLOB_TOKEN": "vercel_blob_rw_{a16}_{a30}",
    "TAILSCALE_KEY": "tskey-auth-{a12}CNTRL-{a32}",
    "PLANETSCALE_TOKEN": "pscale_tkn_{a43}",
    "TERRAFORM_TOKEN": "{a14}.atlasv1.{a67}",
    "CIRCLECI_TOKEN": "CCIPAT_{a22}_{h40}",
    "BUILDKITE_TOKEN": "bkua_{h40}",
    "SONAR_TOKEN": "squ_{h40}",
    "PULUMI_ACCESS_TOKEN": "pul-{h40}",
    "DROPBOX_TOKEN": "sl.u.{a130}",
    "BREVO_API_KEY": "xkeysib-{h64}-{a16}",
    "OP_SERVICE_ACCOUNT_TOKEN": "ops_eyJ{a250}",
    "OP_SECRET_KEY": "A3-{U6}-{U6}-{U5}-{U5}-{U5}-{U5}",
    "PAYPAL_TOKEN": "access_token$production${l16}${h32}",
    "DYNATRACE_TOKEN": "dt0c01.{U24}.{U64}",
    "RUBYGEMS_API_KEY": "rubygems_{h48}",
    "CARGO_REGISTRY_TOKEN": "cio{a32}",
    "PREFECT_API_KEY": "pnu_{a36}",
    "README_API_KEY": "rdme_{l70}",
    "SHIPPO_TOKEN": "shippo_live_{h40}",
    "FRAMEIO_TOKEN": "fio-u-{a64}",
    "DUFFEL_TOKEN": "duffel_live_{a43}",
    "EASYPOST_TOKEN": "EZAK{a54}",
    "FLUTTERWAVE_KEY": "FLWSECK_TEST-{h32}",
    "CLOJARS_TOKEN": "CLOJARS_{l60}",
    "SCALINGO_TOKEN": "tk-us-{a48}",
    "DEFINED_TOKEN": "dnkey-{l26}-{l52}",
    "INFRACOST_API_KEY": "ico-{a32}",
    "HARNESS_API_KEY": "pat.{a22}.{h24}.{a20}",
    "ADOBE_CLIENT_SECRET": "p8e-{a32}",
    "OPENSHIFT_TOKEN": "sha256~{a43}",
    "MAPBOX_SECRET_TOKEN": "sk.eyJ{a80}.{a22}",
    "ARTIFACTORY_TOKEN": "AKCp{a69}",
    "BITBUCKET_TOKEN": "ATCTT3xFfG{a180}",
    "BITBUCKET_APP_PASSWORD": "ATBB{a32}",
    "AZURE_DEVOPS_TOKEN": "{a76}AZDO{a4}",
    "TYPEFORM_TOKEN": "tfp_{a44}_{a14}",
    "RENDER_API_KEY": "rnd_{a32}",
    "ADAFRUIT_IO_KEY": "aio_{a28}",
    "APIFY_TOKEN": "apify_api_{a36}",
    "BANNERBEAR_API_KEY": "bb_pr_{h30}",
    "CLOUDFLARE_API_TOKEN": "cfat_{a40}{h8}",
    "DENO_DEPLOY_TOKEN": "ddp_{a36}",
    "FIGMA_TOKEN": "figp_{a44}",
    "FLEETBASE_API_KEY": "flb_live_{a20}",
    "FLEXPORT_TOKEN": "shltm_{a40}",
    "NEW_RELIC_KEY": "NRII-{a25}",
    "NIGHTFALL_API_KEY": "NF-{a32}",
    "PAGARME_API_KEY": "ak_live_{a30}",
    "RAMP_CLIENT_SECRET": "ramp_sec_{a48}",
    "RECHARGE_TOKEN": "sk_1x1_{h64}",
    "ROBINHOOD_API_KEY": "rh-api-{h8}-{h4}-{h4}-{h4}-{h12}",
    "ROOTLY_API_KEY": "rootly_{h64}",
    "SALAD_API_KEY": "salad_cloud_{a5}_{a40}",
    "STRIPE_CLIENT_SECRET": "pi_{a24}_secret_{a25}",
    "TRUFFLEHOG_SECRET": "thog-secret-{h32}",
    "UBIDOTS_TOKEN": "BBFF-{a30}",
    "VOICEFLOW_API_KEY": "VF.DM.{h24}.{a16}",
    "SOURCEGRAPH_TOKEN": "sgp_{h16}_{h40}",
    "LAUNCHDARKLY_SDK_KEY": "sdk-{h8}-{h4}-{h4}-{h4}-{h12}",
    "CONTENTFUL_TOKEN": "CFPAT-{a43}",
    "DATADOG_APP_KEY": "ddapp_{a34}",
    "SETTLEMINT_TOKEN": "sm_pat_{a16}",
    "MAXMIND_LICENSE_KEY": "{a6}_{a29}_mmk",
    "CLOUDFLARE_ORIGIN_CA_KEY": "v1.0-{h24}-{h146}",
    "CLICKHOUSE_API_SECRET": "4b1d{a38}",
    "FACEBOOK_TOKEN": "EAAM{a120}",
    "FLY_API_TOKEN": "fo1_{a43}",
    "INTRA42_SECRET": "s-s4t2ud-{h64}",
    "OCTOPUS_API_KEY": "API-{U26}",
    "AUTHRESS_KEY": "sc_{l12}.{l5}.acc-{l16}.{a60}",
    "GRAFANA_TOKEN": "eyJrIjoi{a80}",
}


def made(template):
    draw = random.Random(template)
    return re.sub(
        r"\{(\w)(\d+)\}", lambda m: "".join(draw.choices(ALPHABETS[m[1]], k=int(m[2]))), template
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_key_is_found_in_a_sentence(name):
    """In JSON and in plain text, and the words around it stay."""
    key, redaction = made(TEMPLATES[name]), Redaction()
    raw = json.dumps({"text": f"Use {key} for that."}).encode()

    assert json.loads(redaction.body(raw, "application/json")) == {
        "text": f"Use <{name}> for that."
    }
    assert redaction.body(f"see {key}\n".encode(), "text/plain") == f"see <{name}>\n".encode()


@pytest.mark.parametrize(
    ("name", "template", "safe"),
    [
        ("ZAPIER_WEBHOOK", "https://hooks.zapier.com/hooks/catch/{d7}/{l7}/", "/hooks/catch/<"),
        (
            "TEAMS_WEBHOOK",
            f"https://a.webhook.office.com/webhookb2/{UUID}@{UUID}/IncomingWebhook/{{h32}}/{UUID}",
            "/webhookb2/<",
        ),
    ],
)
def test_webhook_is_a_secret(name, template, safe):
    """Anyone who knows the URL can post to it; its host stays."""
    text = Redaction().body(f"post to {made(template)} now".encode(), "text/plain").decode()

    assert f"{safe}{name}>" in text
    assert text.endswith(" now")


def test_password_on_a_command_line_of_curl():
    """A user and a number, as docker takes them, are no password."""
    text = "curl -u me:S3cretPassw0rd https://a.example; docker run -u 1000:1000000 x"

    assert Redaction().body(text.encode(), "text/plain").decode() == (
        "curl -u me:<PASSWORD> https://a.example; docker run -u 1000:1000000 x"
    )
