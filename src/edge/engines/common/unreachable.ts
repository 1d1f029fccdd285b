import { FairwayError } from '../../../model/problems.ts'

/** What a program is asked, or the error that says that it cannot be asked: files are put in place for its next start all the same. */
export async function orUnreachable<Result>(question: Promise<Result>): Promise<Result | FairwayError> {
  try {
    return await question
  } catch (error) {
    if (error instanceof FairwayError && error.problem.code === 'ProxyUnreachable') return error
    throw error
  }
}
