// Signing in: the token in the address is traded, once, for credentials that expire. They stay in this tab.
const KEPT = "threadline.session";

export class SignInError extends Error {}

// The credentials of this tab: from the link that it was opened with, or kept from before. Null without any.
export async function signIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return kept();
  history.replaceState(null, "", location.pathname + location.search); // no second try with a used token
  let answer;
  try {
    answer = await fetch("/sign-in", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ Token: token }),
    });
  } catch {
    throw new SignInError("The server does not answer. Start it, then run `threadline open` for a new link.");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const before = kept();
    if (before) return before; // the same link was opened in this tab before
    throw new SignInError(body.Message ?? "The server could not sign you in. Its log says more.");
  }
  sessionStorage.setItem(KEPT, JSON.stringify(body));
  return body;
}

export function forget() {
  sessionStorage.removeItem(KEPT);
}

function kept() {
  const session = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  if (session && Date.parse(session.Expiration) > Date.now()) return session;
  forget();
  return null;
}
