/** A signal that is aborted as soon as one of these is, with its reason. `undefined` entries are ignored. */
export function anySignal(
  first: AbortSignal,
  ...more: readonly (AbortSignal | undefined)[]
): AbortSignal
export function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal | undefined
export function anySignal(
  ...signals: readonly (AbortSignal | undefined)[]
): AbortSignal | undefined {
  const some = signals.filter((signal) => signal !== undefined)
  return some.length <= 1 ? some[0] : AbortSignal.any(some)
}
