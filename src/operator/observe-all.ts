import type { OperatorObserver } from './view.ts'

/** Tells several observers the same, in their order. */
export function observeAll(observers: readonly OperatorObserver[]): OperatorObserver {
  return {
    configured: (classes) => {
      for (const one of observers) one.configured(classes)
    },
    passed: (running, result, view) => {
      for (const one of observers) one.passed(running, result, view)
    },
  }
}
