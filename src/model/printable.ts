/**
 * What must not reach a terminal or a comment as it is: controls (ECMA-48), what turns the direction of text (UAX #9), and line ends that only some readers
 * take for such (YAML 1.1, section 4.2).
 */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\uFEFF]/gu

/** Whether a text has anything in it that steers whoever shows it. */
export function isPrintable(text: string): boolean {
  return text.search(UNSAFE) < 0
}

/** A text of others for people, in one line: each character that steers is shown as one that is unknown. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, '\u{FFFD}')
}

/** The same for a text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** Escapes what steers in a text whose strings know `\u001b`, and which has it nowhere else: JSON, and YAML that quotes them. Line ends stay. */
export function escapeUnprintable(text: string): string {
  return text.replaceAll(UNSAFE, (one) =>
    one === '\n' ? one : `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
