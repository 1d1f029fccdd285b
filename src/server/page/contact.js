/** @import { Pulse, View } from '../../model/view.ts' */

const EVERY_MS = 2_000
const SLOWEST_MS = 15_000
const PATIENCE_MS = 15_000

/**
 * What came of asking.
 *
 * @typedef {{ readonly kind: 'pulse', readonly pulse: Pulse, readonly view: View | undefined } | { readonly kind: 'token', readonly message: string } | { readonly kind: 'away', readonly message: string }} News
 */

/**
 * Asks the operator every two seconds whether there is news, and for the view where there is; `news.view` is undefined where it is as before. A page that
 * nobody looks at asks nothing.
 *
 * @param {(news: News) => void} tell
 */
export function keepContact(tell) {
  /** @type {{ token: string | undefined, version: string | undefined, failures: number, timer: number }} */
  const state = { token: undefined, version: undefined, failures: 0, timer: 0 }
  const ask = (/** @type {string} */ path) =>
    fetch(path, {
      headers: state.token === undefined ? {} : { authorization: `Bearer ${state.token}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
  const look = async () => {
    const answer = await ask('pulse.json')
    if (answer.status === 401 || answer.status === 403) return tokenNeeded(answer, state.token)
    if (!answer.ok) throw new Error(await messageOf(answer))
    /** @type {Pulse} */
    const pulse = await answer.json()
    if (pulse.version === undefined || pulse.version === state.version)
      return { kind: /** @type {const} */ ('pulse'), pulse, view: undefined }
    const found = await ask('view.json')
    if (!found.ok) throw new Error(await messageOf(found))
    /** @type {View} */
    const view = await found.json()
    // Of what was read, which may be newer than what the pulse told of.
    state.version = found.headers.get('etag') ?? pulse.version
    return { kind: /** @type {const} */ ('pulse'), pulse, view }
  }
  const round = async () => {
    clearTimeout(state.timer)
    /** @type {News} */
    let news
    try {
      news = await look()
      state.failures = 0
    } catch (error) {
      state.failures++
      news = { kind: 'away', message: error instanceof Error ? error.message : String(error) }
    }
    tell(news)
    if (news.kind === 'token' || document.hidden) return
    state.timer = setTimeout(() => void round(), Math.min(EVERY_MS * 2 ** Math.min(state.failures, 4), SLOWEST_MS))
  }
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void round()
  })
  void round()
  return {
    /** @param {string} token */
    useToken: (token) => {
      state.token = token
      void round()
    },
  }
}

/**
 * @param {Response} answer
 * @param {string | undefined} token
 * @returns {Promise<News>}
 */
async function tokenNeeded(answer, token) {
  return { kind: 'token', message: token === undefined ? '' : await messageOf(answer) }
}

/** @param {Response} answer */
async function messageOf(answer) {
  try {
    /** @type {{ readonly message?: string }} */
    const { message } = await answer.json()
    return message ?? answer.statusText
  } catch {
    return `${answer.status} ${answer.statusText}`
  }
}
