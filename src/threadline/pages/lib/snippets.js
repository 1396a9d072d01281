// A call as text that runs in a terminal as it stands. It carries this tab's credentials, which expire, or the
// participant's token; `masked` hides them on the screen.
const REGION = "us-east-1";
const HIDDEN = "\u2022\u2022\u2022\u2022";
const SECRET = /^(ParticipantToken|ConnectionToken|Url)$/;

export const FORMATS = { boto3, "AWS CLI": awsCli, JSON: asJson };

function boto3(entry, session) {
  const isOurs = entry.service === "threadline";
  const [id, secret, token] = keys(session);
  return [
    ...(isOurs ? ["import os", ""] : []),
    "import boto3",
    ...(isOurs ? ["from threadline.testing.workspace import MODELS", "", 'os.environ["AWS_DATA_PATH"] = MODELS'] : [""]),
    "client = boto3.client(",
    `    "${entry.service}",`,
    `    endpoint_url="${location.origin}",`,
    `    region_name="${REGION}",`,
    `    aws_access_key_id="${id}",`,
    `    aws_secret_access_key="${secret}",`,
    `    aws_session_token="${token}",`,
    ")",
    `answer = client.${snake(entry.operation)}(`,
    ...Object.entries(members(entry)).map(([name, value]) => `    ${name}=${python(value)},`),
    ")",
    "print(answer)",
    "",
  ].join("\n");
}

function awsCli(entry, session) {
  const [id, secret, token] = keys(session);
  const program = entry.service === "threadline" ? "threadline" : "aws";
  const input = JSON.stringify(members(entry)).replaceAll("'", "'\\''");
  return [
    `AWS_ACCESS_KEY_ID=${id} AWS_SECRET_ACCESS_KEY=${secret} AWS_SESSION_TOKEN=${token}`,
    `${program} ${entry.service} ${snake(entry.operation).replaceAll("_", "-")}`,
    `  --endpoint-url ${location.origin} --region ${REGION}`,
    `  --cli-input-json '${input}'\n`,
  ].join(" \\\n");
}

function asJson(entry) {
  return `${JSON.stringify(members(entry), null, 2)}\n`;
}

// The text without its secrets, to be looked at.
export function masked(text, entry, session) {
  const secrets = [...keys(session).slice(1), entry.token].filter(Boolean);
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
}

// An answer or a frame as text, without its secrets.
export function shownJson(value) {
  return JSON.stringify(value, (name, each) => (SECRET.test(name) && typeof each === "string" ? HIDDEN : each), 2);
}

const keys = (session) => [session.AccessKeyId, session.SecretAccessKey, session.SessionToken];

// The members as an SDK takes them: the token is one of them.
function members({ operation, request, token }) {
  const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
  if (!token) return given;
  return { ...given, [operation === "CreateParticipantConnection" ? "ParticipantToken" : "ConnectionToken"]: token };
}

const snake = (name) => name.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase();

function python(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${python(each)}`).join(", ")}}`;
}
