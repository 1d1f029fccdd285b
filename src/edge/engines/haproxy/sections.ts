/** A section of the configuration file, and the frontends that it is there for. */
export interface Section {
  /** Ids of BoundFrontends; none: it is there for all. */
  readonly owners: readonly string[]
  /** `backend fairway.shape from fairway` */
  readonly head: string
  readonly lines: readonly string[]
}

/** The file that consists of these sections. */
export function sectionsText(sections: readonly Section[]): string {
  // Thousands of sections: V8 puts one text together faster than it joins lists of lines.
  let text = ''
  for (const { head, lines } of sections) {
    text += `${head}\n`
    for (const line of lines) text += `  ${line}\n`
    text += '\n'
  }
  return text
}

/** The section that a line of `sectionsText` is in, counted from 1. */
export function sectionAt(sections: readonly Section[], line: number): Section | undefined {
  let last = 0
  return sections.find(({ lines }) => {
    last += lines.length + 2
    return line <= last
  })
}
