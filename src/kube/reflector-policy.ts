import { errorText, FairwayError } from '../model/problems.ts'
import { ApiError, isExpired, isTooNew } from './errors.ts'

export type Retry = 'streaming' | 'listing' | 'watching'

export interface AfterFailure {
  readonly retry: Retry
  /** The version we know is of no use: ask for the newest. */
  readonly forgetVersion: boolean
  /** Nothing is wrong with the server: no pause is needed. */
  readonly atOnce: boolean
}

type Cause =
  /** 410, or a version that the server has not reached: as client-go's isExpiredError and isTooLargeResourceVersionError. */
  | 'version lost'
  /** Any other 4xx: this request will not do. */
  | 'refused'
  /** 5xx, or a stream that broke off without an error of the connection. */
  | 'broken'
  /** No connection, 429, 401, 403: whatever is asked, the answer will be the same for a while. */
  | 'unavailable'

function causeOf(error: unknown): Cause {
  if (isExpired(error) || isTooNew(error)) return 'version lost'
  if (!(error instanceof ApiError)) return error instanceof FairwayError ? 'unavailable' : 'broken'
  if (error.status >= 500) return 'broken'
  return [401, 403, 429].includes(error.status) ? 'unavailable' : 'refused'
}

/**
 * What a reflector does after a failure:
 *
 * | while     | version lost                     | refused          | broken          | unavailable     |
 * | --------- | -------------------------------- | ---------------- | --------------- | --------------- |
 * | streaming | streaming, at the newest version | listing, at once | listing         | streaming       |
 * | listing   | streaming, at the newest version | streaming        | streaming       | streaming       |
 * | watching  | streaming, at once               | streaming        | watching        | watching        |
 *
 * A server without streaming lists refuses them (422). One that breaks them off may do so each time, for instance through a proxy, so the plain
 * list is tried in between. A watch whose version is lost was cut off by a server that was started anew or has compacted.
 */
export function afterFailure(during: Retry, error: unknown): AfterFailure {
  const cause = causeOf(error)
  const lost = cause === 'version lost'
  switch (during) {
    case 'streaming': {
      const retry = cause === 'refused' || cause === 'broken' ? 'listing' : 'streaming'
      return { retry, forgetVersion: lost, atOnce: cause === 'refused' }
    }
    case 'listing':
      return { retry: 'streaming', forgetVersion: lost, atOnce: false }
    case 'watching':
      return { retry: lost || cause === 'refused' ? 'streaming' : 'watching', forgetVersion: false, atOnce: lost }
    default:
      return during satisfies never
  }
}

/** A failure to follow a resource, as something to show. */
export function failureOf(resource: string, error: unknown): FairwayError {
  if (error instanceof FairwayError) return error
  const message = `Following ${resource} failed: ${errorText(error)}`
  return new FairwayError(
    { code: 'ApiUnreachable', kind: 'transient', message, remedy: 'Wait: it is tried again' },
    error,
  )
}
