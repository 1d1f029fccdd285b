import type { EdgeError, EdgeErrorCode } from '../model/edge-wire.ts'

/** Why a request is not done, as its sender reads it. Never says anything about another owner's table. */
export interface Refused extends EdgeError {
  readonly code: EdgeErrorCode
}

/** Ends a request. */
export class RequestError extends Error {
  readonly refused: Refused

  constructor(refused: Refused, cause?: unknown) {
    super(refused.message, cause === undefined ? undefined : { cause })
    this.name = 'RequestError'
    this.refused = refused
  }
}

export function refuse(code: EdgeErrorCode, message: string, remedy: string): Refused {
  return { code, message, remedy }
}
