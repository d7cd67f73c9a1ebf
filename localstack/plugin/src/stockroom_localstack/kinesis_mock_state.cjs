// Preloaded into Kinesis Mock, which writes its data to a file once in an interval and can't be asked to. The interval
// that it is given (kinesis_mock.py) never passes; instead, each of these lines on standard input ends it at once:
//
//     save <path>    writes all data to the path; the answer on standard output follows when it is complete
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const { setTimeout: originalSetTimeout } = global;

const INTERVAL = Number(process.env.PERSIST_INTERVAL.replace("ms", ""));
const FILE = path.resolve(process.env.PERSIST_PATH, process.env.PERSIST_FILE_NAME);

let write = null; // ends the wait for the interval
let written = null; // called when the next wait begins, which is when all has been written

global.setTimeout = function (callback, delay, ...rest) {
  if (delay !== INTERVAL) return originalSetTimeout(callback, delay, ...rest);
  write = callback;
  written?.();
  written = null;
  return originalSetTimeout(() => {}, 0);
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [, target] = line.match(/^save (.*)$/);
  fs.rmSync(FILE, { force: true });
  written = () => {
    try {
      if (fs.readFileSync(FILE).at(-1) !== "}".charCodeAt(0)) throw new Error("not all data was written");
      fs.renameSync(FILE, target);
      console.log("answer: done");
    } catch (error) {
      console.log(`answer: ${error.message}`);
    }
  };
  write();
});
