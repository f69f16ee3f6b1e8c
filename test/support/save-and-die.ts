// Saves the domain `tiny` and is killed when its save reaches a phase: save-and-die.ts STATE_DIR IMAGE PHASE
import { saveDomain } from '../../src/index.ts'

const [stateDir = '', image = '', phase = ''] = process.argv.slice(2)
await saveDomain('tiny', image, {
  stateDir,
  onProgress: (progress) => {
    if (progress.phase === phase) process.kill(process.pid, 'SIGKILL')
  },
})
