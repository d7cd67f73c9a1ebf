// Preloaded into Kinesis Mock, two of whose requests take longer with every record that a shard holds. The changes are
// to the text of version 0.5.2, whose names mean nothing and are others in every version; what they stand for is said.
const { registerHooks } = require("module");

const CHANGES = [
  // PutRecords groups the new records by the pair (shard, all records that the shard holds), and Scala hashes the whole
  // pair again for each new record. The hash of the pair becomes that of its shard; pairs are compared as before, so the
  // groups are the same. C is Tuple2, s() its first part, j() hashCode.
  ["if(null!==q)var v=B(new C,q.yk,q.xm);", "if(null!==q){var v=B(new C,q.yk,q.xm);v.j=function(){return this.s().j()}}"],
  // GetRecords looks for the record of the iterator from the oldest on. Readers mostly are near the newest: look from
  // there. h is the vector of records, H() its length, W(n) the n-th, wq a sequence number, e() equals; -1: not found.
  [
    "n=0;for(v=h.w().Bg(0);v.x();){y=v.u().wq;E=k.NI;if(null===y?null===E:y.e(E))break a;n=1+n|0}n=-1}",
    "n=h.H()-1;for(E=k.NI;n>=0;){y=h.W(n).wq;if(null===y?null===E:y.e(E))break a;n=n-1|0}}",
  ],
];

function change(text, [from, to]) {
  const parts = text.split(from);
  if (parts.length !== 2) {
    throw new Error(`kinesis_mock_speed.cjs: Kinesis Mock has not one but ${parts.length - 1} times: ${from}`);
  }
  return parts.join(to);
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith("/kinesis-local/main.js")) return loaded;
    return { ...loaded, source: CHANGES.reduce(change, String(loaded.source)) };
  },
});
