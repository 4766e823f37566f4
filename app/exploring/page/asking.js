// Asks the server behind the page.
import { useEffect, useState } from "./vendor/preact.js";

/** @typedef {Record<string, string | number | boolean | null | undefined>} Values */

/** An answer that says what went wrong, as the server or the network told it. */
export class Problem extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** @param {string} path @param {Values} [values] */
export function address(path, values = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.append(key, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Fetch an answer of `/api/`.
 * @param {string} path @param {Values} [values] @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export const ask = (path, values, signal) =>
  send(address(`/api/${path}`, values), { signal, headers: { Accept: "application/json" } });

/** @param {string} path @param {unknown} body @param {AbortSignal} [signal] @returns {Promise<any>} */
export const tell = (path, body, signal) =>
  send(`/api/${path}`, {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });

/** @param {string} where @param {RequestInit} how */
async function send(where, how) {
  let answer;
  try {
    answer = await fetch(where, how);
  } catch (error) {
    if (how.signal?.aborted) throw error;
    throw new Problem(0, "The page's server does not answer: 'linkspan explore' has ended.");
  }
  if (answer.ok) return answer.json();
  const found = await answer.json().catch(() => ({}));
  if (answer.status === 401 && !where.endsWith("/signed-in")) {
    window.dispatchEvent(new Event("signed-out"));
  }
  throw new Problem(answer.status, found.detail || `${answer.status} ${answer.statusText}`);
}

/**
 * @typedef {object} Answer
 * @property {any} value What was answered; that of before while it is asked again.
 * @property {Problem | null} problem
 * @property {boolean} loading
 * @property {() => void} again Asks once more.
 */

/**
 * The answer to a question, asked when it changes; null asks nothing.
 * @param {string | null} path @param {Values} [values] @param {unknown} [body] To be sent by POST.
 * @returns {Answer}
 */
export function useAnswer(path, values, body) {
  const [answer, setAnswer] = useState(
    /** @type {{value: any, problem: Problem | null, loading: boolean, of: string}} */ ({
      value: null, problem: null, loading: false, of: "",
    }),
  );
  const [round, setRound] = useState(0);
  const key = path === null ? "" : JSON.stringify([path, values, body]);
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    setAnswer((now) => ({ value: now.of === key ? now.value : null, problem: null, loading: true, of: key }));
    (body === undefined ? ask(path, values, stop.signal) : tell(path, body, stop.signal)).then(
      (value) => {
        if (!stop.signal.aborted) setAnswer({ value, problem: null, loading: false, of: key });
      },
      (problem) => {
        if (!stop.signal.aborted) setAnswer({ value: null, problem, loading: false, of: key });
      },
    );
    return () => stop.abort();
  }, [key, round]);
  const fresh = answer.of === key;
  return {
    value: fresh ? answer.value : null,
    problem: fresh ? answer.problem : null,
    loading: key !== "" && (answer.loading || !fresh),
    again: () => setRound((now) => now + 1),
  };
}
