// Starts a thread that is stuck, prints the error and ends: start-stuck-thread.ts PIPE
import { WorkerThread } from '../../src/transfer/worker-thread.ts'

const [pipe = ''] = process.argv.slice(2)
const failed = Promise.withResolvers<Error>()
{
  await using thread = new WorkerThread({
    program: new URL('./stuck-thread.ts', import.meta.url),
    data: { pipe },
    keepsProcess: true,
    startMs: 3000,
    onAnswer: () => undefined,
    onFailure: failed.resolve,
  })
  thread.post('job')
  console.log(String(await failed.promise))
}
process.exitCode = 7
