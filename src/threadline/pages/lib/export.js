// The transcript of a contact as a file, byte for byte as `threadline export` writes it.
const VERSION = "2019-08-26";
const BEGINNING = { AbsoluteTime: "1970-01-01T00:00:00.000Z" };
const PAGE = 100;
const EVENT = "application/vnd.amazonaws.connect.event.";
const EVENTS = {
  "participant.joined": "joins",
  "participant.left": "leaves",
  "participant.invited": "is invited",
  "chat.ended": "the chat ends",
  "transfer.succeeded": "the chat is transferred",
  "transfer.failed": "a transfer fails",
};
const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.2rem; } time, .event { opacity: .7; font-size: .85rem; }
p { margin: .6rem 0; } p span { display: block; white-space: pre-wrap; }
`;

const FORMATS = { json: [asJson, "application/json"], html: [asHtml, "text/html"] };

// Read a contact of DescribeLineage to its end, and have the browser save it. `format` is "json" or "html".
export async function download(client, instanceId, contact, format) {
  const { Instance } = await client.call("DescribeInstance", { InstanceId: instanceId });
  const items = await client.list("GetContactTranscript", "Transcript", {
    InstanceId: instanceId,
    ContactId: contact.ContactId,
    OnlyContact: true,
    StartPosition: BEGINNING,
    SortOrder: "ASCENDING",
    MaxResults: PAGE,
  });
  const [written, type] = FORMATS[format];
  const address = URL.createObjectURL(new Blob([written(Instance, contact, items)], { type }));
  const minute = begun(contact).replaceAll("-", "").replace(" ", "T").replace(":", "_");
  const link = document.createElement("a");
  link.href = address;
  link.download = `${contact.ContactId.replace(/[^\w.-]/g, "_")}_${minute}_UTC.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// The minute in which a contact began, such as 2026-11-27 07:31, in UTC.
const begun = (contact) => new Date(contact.InitiationTimestamp * 1000).toISOString().slice(0, 16).replace("T", " ");

function asJson(instance, contact, items) {
  const people = new Set(items.map((item) => item.ParticipantId).filter(Boolean));
  return JSON.stringify({
    Version: VERSION,
    AWSAccountId: instance.Arn.split(":")[4],
    InstanceId: instance.Id,
    InitialContactId: contact.InitialContactId,
    ContactId: contact.ContactId,
    Participants: [...people].map((ParticipantId) => ({ ParticipantId })),
    Transcript: items.map(({ ContactId, RelatedContactId, ...kept }) => kept),
  });
}

function asHtml(instance, contact, items) {
  const title = `Chat of ${begun(contact)} UTC`;
  const isFirst = contact.InitialContactId === contact.ContactId;
  const ids = `Contact ${contact.ContactId}${isFirst ? "" : `, of chat ${contact.InitialContactId}`}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>${STYLE}</style></head><body>
<h1>${title}</h1>
<p class="event">${escaped(ids)}</p>
${items.map(paragraph).join("")}</body></html>
`;
}

function paragraph(item) {
  const at = escaped(item.AbsoluteTime);
  const moment = `<time datetime="${at}">${at.slice(11, 19)}</time>`;
  const name = escaped(item.DisplayName ?? "");
  const kind = item.ContentType ?? "";
  if (kind.startsWith(EVENT)) {
    const event = kind.slice(EVENT.length);
    return `<p class="event">${moment} <bdi>${name}</bdi> ${escaped(EVENTS[event] ?? event)}</p>\n`;
  }
  const files = (item.Attachments ?? []).map((file) => `[file ${file.AttachmentName ?? ""}]`);
  const text = [item.Content, ...files].filter(Boolean).join(" ");
  return `<p><b><bdi>${name}</bdi></b> ${moment} <span dir="auto">${escaped(text)}</span></p>\n`;
}

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };
const escaped = (text) => text.replace(/[&<>"']/g, (letter) => ESCAPES[letter]);
