/** A section of the configuration file, and the frontends that it is there for. */
export interface Section {
  /** Ids of BoundFrontends; none: it is there for all. */
  readonly owners: readonly string[]
  /** `backend fairway.shape from fairway` */
  readonly head: string
  readonly lines: readonly string[]
}

export function sectionsText(sections: readonly Section[]): string {
  return sections.map(({ head, lines }) => [head, ...lines.map((line) => `  ${line}`), '\n'].join('\n')).join('')
}

/** The section that a line of `sectionsText` is in, counted from 1. */
export function sectionAt(sections: readonly Section[], line: number): Section | undefined {
  let last = 0
  return sections.find(({ lines }) => {
    last += lines.length + 2
    return line <= last
  })
}
