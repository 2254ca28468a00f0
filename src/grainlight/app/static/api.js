// What the page asks of its server; whatever goes wrong becomes an Error with the server's own words.

export class Refused extends Error {
  constructor(error) {
    super(error.problem);
    Object.assign(this, error);
  }
}

async function answer(response) {
  if (response.ok) return response;
  let error;
  try {
    ({ error } = await response.json());
  } catch {
    error = { problem: response.status === 403 ? "The server does not know this page any more; open the address that it printed." : `The server answered ${response.status}.` };
  }
  throw new Refused({ ...error, status: response.status });
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused({ problem: "The server does not answer.", advice: "is grainlight app still running?" });
  }
  return answer(response);
}

export const get = async (path) => (await ask(path)).json();
export const post = async (name, body = {}) => (await ask(`/api/${name}`, { method: "POST", body: JSON.stringify(body) })).json();
export const bytes = async (at, name) => (await ask(`/api/array/${at}/${name}`)).arrayBuffer();

/** Send files one after the other; tells how far it is. */
export async function send(kind, files, told) {
  const sent = [];
  for (const [k, file] of files.entries()) {
    told(`sending ${file.name}, ${k + 1} of ${files.length} …`);
    const stem = file.name.replace(/\.[^.]*$/, "");
    const beside = sent.find((one) => one.name.replace(/\.[^.]*$/, "") === stem && /\.c(pr|rc)$/i.test(file.name));
    const query = new URLSearchParams({ kind, name: file.name, ...(beside ? { beside: beside.id } : {}) });
    sent.push(await (await ask(`/api/files?${query}`, { method: "PUT", body: file })).json());
  }
  told("");
  return sent;
}
