import type { KubeClient } from './client.ts'
import { fromWire, type RawList } from './wire.ts'

const LIST_TIMEOUT_MS = 60_000

/**
 * Reads a collection in pages, at least as new as `version`; the empty one asks for the newest there is. All pages are of one moment; an
 * expired continue token is thrown (410), and the list begins anew.
 */
export async function* readPages(
  client: KubeClient,
  path: string,
  version: string,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<RawList, void> {
  let token: string | undefined
  do {
    // Without a match, a limit would pin the list to exactly this version (API concepts: "resourceVersion in list").
    const start = version === '' ? {} : { resourceVersion: version, resourceVersionMatch: 'NotOlderThan' }
    const query = { limit: pageSize, ...(token === undefined ? start : { continue: token }) }
    const response = await client.request({ method: 'GET', path, query, timeoutMs: LIST_TIMEOUT_MS }, signal)
    const page = fromWire<RawList>(response.body)
    yield page
    token = page.metadata?.continue === '' ? undefined : page.metadata?.continue
  } while (token !== undefined)
}
