import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Operation } from './operation.ts'

/** Runs `act` and gives the rejections that nobody handled meanwhile. */
async function unhandledDuring(act: () => Promise<void>): Promise<readonly unknown[]> {
  const found: unknown[] = []
  const note = (reason: unknown): void => void found.push(reason)
  // The test runner listens, too, and would fail the test.
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', note)
  try {
    await act()
    await delay(10)
  } finally {
    process.removeListener('unhandledRejection', note)
    for (const other of others) process.on('unhandledRejection', other)
  }
  return found
}

function counting(steps: number, stepMs = 5): Operation<string, number> {
  return new Operation(async ({ onProgress, signal }) => {
    for (let step = 1; step <= steps; step += 1) {
      onProgress(step)
      await delay(stepMs, undefined, { signal })
    }
    return 'done'
  })
}

test('Operation yields its progress and returns its result', async () => {
  const operation = counting(3)
  const seen: number[] = []
  for await (const step of operation) seen.push(step)
  assert.deepEqual(seen, [1, 2, 3])
  assert.equal(await operation, 'done')
  assert.equal(await operation.then((result) => result.length), 4)
})

test('Operation skips outdated progress when the reader is slow', async () => {
  const operation = new Operation<void, number>(async ({ onProgress }) => {
    for (let step = 0; step < 100; step += 1) onProgress(step)
    await delay(1)
  })
  const seen: number[] = []
  for await (const step of operation) seen.push(step)
  assert.deepEqual(seen, [99])
})

test('Operation skips nothing when every report is a result', async () => {
  const operation = new Operation<void, number>(
    async ({ onProgress }) => [1, 2, 3].forEach(onProgress),
    {},
    { keepAll: true },
  )
  const read = async (): Promise<readonly number[]> => {
    const seen: number[] = []
    for await (const step of operation) seen.push(step)
    return seen
  }
  assert.deepEqual(await Promise.all([read(), read()]), [
    [1, 2, 3],
    [1, 2, 3],
  ])
})

test("Operation calls the caller's own onProgress, too", async () => {
  const seen: number[] = []
  await new Operation<void, number>(async ({ onProgress }) => onProgress(7), {
    onProgress: (step) => void seen.push(step),
  })
  assert.deepEqual(seen, [7])
})

test('Operation continues and keeps its result when the loop is left', async () => {
  const operation = counting(3)
  for await (const step of operation) if (step === 1) break
  assert.equal(await operation, 'done')
})

test('Operation throws its failure from the iteration, and from the promise', async () => {
  const act = async (): Promise<never> => {
    await delay(1)
    throw new Error('no luck')
  }
  const unhandled = await unhandledDuring(async () => {
    const operation = new Operation<void, number>(act)
    await assert.rejects(
      async () => {
        for await (const step of operation) assert.fail(String(step))
      },
      { message: 'no luck' },
    )
    await assert.rejects(operation, { message: 'no luck' })
    // A reader that is busy when the act fails.
    const other = new Operation<void, number>(async ({ onProgress }) => {
      onProgress(1)
      await act()
    })
    await assert.rejects(async () => {
      for await (const _ of other) await delay(20)
    })
  })
  assert.deepEqual(unhandled, [])
})

test('Operation that fails without a handler is an unhandled rejection once', async () => {
  const fault = new Error('no luck')
  const unhandled = await unhandledDuring(async () => {
    const operation = new Operation<void, number>(async ({ onProgress }) => {
      onProgress(1)
      await delay(1)
      throw fault
    })
    for await (const _ of operation) break
  })
  assert.deepEqual(unhandled, [fault])
})

test('Operation that throws at once rejects', async () => {
  const operation = new Operation<void>(() => {
    throw new Error('at once')
  })
  await assert.rejects(operation, { message: 'at once' })
})

test('cancel() aborts the signal of the act with its reason', async () => {
  const operation = counting(1000)
  operation.cancel('shutting down')
  await assert.rejects(operation, { name: 'AbortError', cause: 'shutting down' })
  operation.cancel('again')
})

test("Operation ends by the caller's signal, too", async () => {
  const abort = new AbortController()
  const operation = new Operation(({ signal }) => delay(1000, undefined, { signal }), {
    signal: abort.signal,
  })
  abort.abort()
  await assert.rejects(operation, { name: 'AbortError' })
})

test('await using cancels an operation that has not ended, and waits for it', async () => {
  let ended = false
  {
    await using _operation = new Operation(async ({ signal }) => {
      await delay(1000, undefined, { signal }).catch(() => undefined)
      await delay(5)
      ended = true
    })
  }
  assert.ok(ended)
  await using done = counting(1, 0)
  assert.equal(await done, 'done')
})
