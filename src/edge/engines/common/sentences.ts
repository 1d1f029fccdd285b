const LONGEST = 300

/** What a program says, not longer than an Event can carry. */
export function shorten(sentence: string): string {
  return sentence.length > LONGEST ? `${sentence.slice(0, LONGEST)}…` : sentence
}
