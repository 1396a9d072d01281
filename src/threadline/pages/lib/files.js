// The files of a chat: sending one, and getting the bytes of one that an item shows.
const PATIENCE_MS = 3_000_000; // a read token is good for an hour
const INLINE = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]); // pictures that hold no script

const readers = new WeakMap(); // by Chat: its read token, and when it was asked for

export const isPicture = (file) => INLINE.has(file.ContentType);

// Send a File as a participant. Everybody in the chat gets an item that shows it. Throws CallError.
export async function upload(chat, file) {
  const { AttachmentId, UploadMetadata } = await chat.call("StartAttachmentUpload", {
    ContentType: file.type || "application/octet-stream",
    AttachmentSizeInBytes: file.size,
    AttachmentName: file.name,
    ClientToken: crypto.randomUUID(),
  });
  const put = { method: "PUT", headers: UploadMetadata.HeadersToInclude, body: file };
  const frame = { topic: `PUT ${file.name}`, bytes: file.size };
  chat.client.note({ kind: "frame", at: Date.now(), by: chat.name, isSent: true, frame });
  const answer = await fetch(here(UploadMetadata.Url), put);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).Message ?? "The file did not arrive. Try again.");
  await chat.call("CompleteAttachmentUpload", { AttachmentIds: [AttachmentId], ClientToken: crypto.randomUUID() });
}

// The bytes of an attachment, as a Blob of its type.
export async function bytesOf(chat, file) {
  const answer = await fetch(await address(chat, file, "INLINE"));
  if (!answer.ok) throw new Error("The file cannot be got. Try again.");
  return new Blob([await answer.arrayBuffer()], { type: file.ContentType });
}

// Have the browser save an attachment.
export async function save(chat, file) {
  const link = document.createElement("a");
  link.href = await address(chat, file, "ATTACHMENT");
  link.download = file.AttachmentName;
  link.click();
}

async function address(chat, file, UrlContentDisposition) {
  const members = { AttachmentId: file.AttachmentId, UrlContentDisposition };
  if (chat.state === "open") return here((await chat.call("GetAttachment", members)).Url);
  return here((await chat.client.call("GetAttachment", members, { token: await readToken(chat) })).Url);
}

// A participant's own token ends with the chat: then the account asks for one that reads.
async function readToken(chat) {
  const known = readers.get(chat);
  if (known && Date.now() - known.at < PATIENCE_MS) return known.token;
  const members = { InstanceId: chat.instanceId, ContactId: chat.contactId };
  const { ReadToken: token } = await chat.client.call("CreateReadToken", members);
  readers.set(chat, { token, at: Date.now() });
  return token;
}

// A URL of the server, by the host that serves this page.
function here(url) {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
