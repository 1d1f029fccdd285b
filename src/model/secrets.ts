/** What is a secret by its form, wherever it stands: who sends it to a proxy cannot know what the proxy says back. */
const FORMS: readonly (readonly [form: RegExp, instead: string])[] = [
  // Tokens of `fairway edge token`.
  [/\bfairway_[\w-]{20,}/g, 'fairway_…'],
  // JWTs (RFC 7519), as those of ServiceAccounts.
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, 'eyJ…'],
  // RFC 6750 and RFC 7617, in a header or quoted from one.
  [/\b(Bearer)\s+[\w.~+/-]{16,}=*/gi, '$1 …'],
  [/(authorization\W{1,8}Basic)\s+[\w+/]+=*/gi, '$1 …'],
  // User and password of a URL (RFC 3986: userinfo).
  [/(\b[a-z][a-z\d+.-]*:\/\/)[^\s/?#@"'\\]+@/gi, '$1…@'],
]

/** A text without the tokens and passwords in it, as far as their form tells them. */
export function hideSecrets(text: string): string {
  return FORMS.reduce((shown, [form, instead]) => shown.replaceAll(form, instead), text)
}
