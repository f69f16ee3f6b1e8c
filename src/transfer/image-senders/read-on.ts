/**
 * How long a sender reads on when QEMU has closed its connection. What comes then may show that the image was the cause: its checksum is at its end. The data may
 * also expand without end.
 */
const READ_ON_MS = 5000

/** Sends pieces in turn by `send`. If that fails with an error that `mayBeImage` accepts, reads on for a while before it throws the error. */
export async function sendPieces(
  pieces: AsyncIterable<Uint8Array>,
  send: (bytes: Uint8Array) => Promise<void>,
  options: {
    readonly mayBeImage: (error: unknown) => boolean
    readonly abandon?: AbortSignal | undefined
  },
): Promise<void> {
  let lost: { readonly error: unknown; readonly untilMs: number } | undefined
  for await (const bytes of pieces) {
    if (options.abandon?.aborted === true) break
    if (lost !== undefined) {
      if (performance.now() > lost.untilMs) break
      continue
    }
    try {
      await send(bytes)
    } catch (error) {
      if (!options.mayBeImage(error)) throw error
      lost = { error, untilMs: performance.now() + READ_ON_MS }
    }
  }
  if (lost !== undefined) throw lost.error
}
