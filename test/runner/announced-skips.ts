/** Tests that may be skipped, each with the reason. Any other skip fails the run. */
export interface AnnouncedSkip {
  /** The test's whole name. */
  readonly name: string
  readonly reason: string
}

export const ANNOUNCED_SKIPS: readonly AnnouncedSkip[] = [
  {
    name: 'driver contract: dataplane',
    reason:
      "no package has HAProxy's Data Plane API v3; with its program in FAIRWAY_DATAPLANEAPI the contract runs against it",
  },
]
