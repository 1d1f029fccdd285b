/** Mirrors of npm's registry may have packages only. */
export const NO_AUDITS = "npm's registry here has no audits: it answers 404 or 405 to them"

export const AUDIT = 'none of what is passed on has a known weakness of a high grade'
