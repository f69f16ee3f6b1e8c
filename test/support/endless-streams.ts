import { Intake } from '../../src/transfer/live/intake.ts'

/** Until it is disposed, what this process receives from a QEMU whose guest runs has no end: a live save lasts until it is cancelled. */
export function endlessStreams(): Disposable {
  const { prototype } = Intake
  const methods = (['pieces', 'discard'] as const).map(
    (name) => [name, Object.getOwnPropertyDescriptor(prototype, name)] as const,
  )
  const [pieces, discard] = methods.map(([, method]) => method?.value) as [
    () => AsyncGenerator<Uint8Array, void, void>,
    () => void,
  ]
  const discarded = new WeakMap<Intake, PromiseWithResolvers<void>>()
  const endOf = (intake: Intake): PromiseWithResolvers<void> => {
    const known = discarded.get(intake) ?? Promise.withResolvers<void>()
    discarded.set(intake, known)
    return known
  }
  Object.defineProperties(prototype, {
    pieces: {
      configurable: true,
      async *value(this: Intake) {
        yield* Reflect.apply(pieces, this, [])
        await endOf(this).promise
        // It throws the reason.
        yield* Reflect.apply(pieces, this, [])
      },
    },
    discard: {
      configurable: true,
      value(this: Intake) {
        Reflect.apply(discard, this, [])
        endOf(this).resolve()
      },
    },
  })
  return {
    [Symbol.dispose]: () => {
      for (const [name, method] of methods)
        if (method !== undefined) Object.defineProperty(prototype, name, method)
    },
  }
}
