import { RequestError, refuse } from './refusal.ts'

/**
 * The generation that the sender of a write has seen: of If-Match, and 0 for `If-None-Match: *` (RFC 9110, section 13.1). A write without is refused:
 * it would undo what the sender knows nothing of.
 */
export function readExpected(headers: Headers): number {
  const match = headers.get('if-match')
  const noneMatch = headers.get('if-none-match')
  if (match === null && noneMatch === null) {
    const message = 'a write needs If-Match with the generation that it changes'
    throw new RequestError(refuse('PreconditionMissing', message, 'Read the table first, or send If-None-Match: *'))
  }
  if (match === null && noneMatch?.trim() === '*') return 0
  const [, digits] = /^\s*"(\d{1,15})"\s*$/.exec(match ?? '') ?? []
  if (digits !== undefined && noneMatch === null) return Number(digits)
  const message = 'the precondition is neither If-Match with one generation, like "7", nor If-None-Match: *'
  throw new RequestError(refuse('BodyInvalid', message, 'Send the ETag of the table as it was read'))
}
