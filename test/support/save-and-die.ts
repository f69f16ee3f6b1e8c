// Saves the domain `tiny` and is killed when its save reaches a phase: save-and-die.ts STATE_DIR IMAGE PHASE [FORMAT]
// Its watcher is killed before it, unless STASIS_TEST_WATCHER is set.
import { type SaveFormat, saveDomain } from '../../src/index.ts'
import { killWatchers } from './watchers.ts'

const [stateDir = '', image = '', phase = '', format] = process.argv.slice(2)
await saveDomain('tiny', image, {
  stateDir,
  format: format as SaveFormat | undefined,
  onProgress: (progress) => {
    if (progress.phase !== phase) return
    if (process.env['STASIS_TEST_WATCHER'] === undefined) killWatchers(stateDir)
    process.kill(process.pid, 'SIGKILL')
  },
})
