// Calls of the API of upload sessions, with the user's session; failures of network and server are tried again.
export const MAX_ATTEMPTS = 6;
const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

export class ProblemError extends Error {
  constructor(problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }

  get details() {
    return (this.problem.errors || []).map((item) => `${item.pointer || ""} ${item.detail || ""}`.trim());
  }
}

export const delay = (milliseconds) => new Promise((done) => window.setTimeout(done, milliseconds));

export async function call(address, {method = "GET", body, signal = null} = {}) {
  const headers = {Accept: "application/json", "X-CSRFToken": token()};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(address, {
    method, headers, signal, credentials: "same-origin", body: body && JSON.stringify(body),
  });
  if (response.status === 204) return null;
  const text = await response.text();
  let data = {};
  try {
    data = JSON.parse(text);
  } catch {
    // The response of a proxy may not be JSON.
  }
  if (!response.ok) throw new ProblemError({status: response.status, title: response.statusText, ...data});
  return data;
}

// Retries failures of network and server, but not requests that the server refuses.
export async function withRetries(work, {signal, onRetry}) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const permanent = error instanceof ProblemError && error.problem.status < 500;
      if (permanent || signal.aborted || attempt === MAX_ATTEMPTS) throw error;
      onRetry();
      await delay(500 * 2 ** attempt);
    }
  }
}

// Returns false where the signed address has expired.
export async function sendPart(file, part, signal) {
  const response = await fetch(part.url, {
    method: "PUT", body: file.slice(part.offset, part.offset + part.size), signal, credentials: "omit",
  });
  if (response.status === 403 || response.status === 404) return false;
  if (!response.ok) {
    throw new ProblemError({status: response.status === 507 ? 500 : response.status,
      title: `${response.status} ${response.statusText}`});
  }
  return true;
}
