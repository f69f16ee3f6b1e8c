import { convertImage } from '../src/domain/images/convert-image.ts'
import type { SaveFormat } from '../src/image/save-format.ts'

// Runs as a process of its own, so that its memory can be measured: node convert-with-stasis.ts IN OUT FORMAT STATE-DIR
const [input = '', output = '', format = '', stateDir = ''] = process.argv.slice(2)
const { totalMs, to } = await convertImage(input, output, {
  format: format as SaveFormat,
  stateDir,
})
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
console.log(
  JSON.stringify({
    seconds: totalMs / 1000,
    fileBytes: to.fileBytes,
    processorSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakBytes: maxRSS * 1024,
  }),
)
