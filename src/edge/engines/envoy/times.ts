/** A time as Envoy's JSON has it (google.protobuf.Duration). */
export function durationText(ms: number): string {
  return `${ms / 1000}s`
}
