import type { Problem } from '../../../model/problems.ts'

/** A program does not take what is written for one frontend, which is left out. `title` is the program's, `sentence` what it says. */
export function rejectedFrontend(title: string, id: string, sentence: string): Problem {
  const message = `${title} rejects the configuration of ${id}: ${sentence}`
  return { code: 'ProxyRejected', kind: 'terminal', message, remedy: `Correct the Service, or ${title}'s own files` }
}

/** A program does not take what it was given, and that is no single frontend's fault. */
export function rejectedConfig(title: string, sentence: string): Problem {
  const message = `${title} rejects its configuration: ${sentence}`
  const remedy = 'Correct the files of its administrator; it serves what it served before'
  return { code: 'ProxyRejected', kind: 'transient', message, remedy }
}

/** What a program tells that it has loaded is none of the files that are known. */
export function unknownFile(title: string, path: string): Problem {
  return {
    code: 'WriteNotConfirmed',
    kind: 'transient',
    message: `${title} does not run what is in ${path}`,
    remedy: 'Leave that file to the edge, and wait for its next pass',
  }
}
