// Fan chart and station map. Everything they say is also in tables and in the bulletin.
"use strict";
const box = document.querySelector(".charts");
const zh = box.dataset.lang === "zh";
const font = { family: "system-ui, 'Noto Sans SC', 'Noto Sans CJK SC', sans-serif", size: 13, color: "#17212b" };
const quiet = { displayModeBar: false, responsive: true };
const bands = [50, 100, 150, 200, 300];
const colours = ["rgb(0,228,0)", "rgb(255,255,0)", "rgb(255,126,0)", "rgb(255,0,0)", "rgb(153,0,76)", "rgb(126,0,35)"];
const symbols = { city: "circle", county: "square", township: "triangle-up", village: "circle" };
const colourOf = (v) => v === null ? "rgba(0,0,0,0)" : colours[bands.filter((b) => v > b).length];
const load = (name) => fetch(`${box.dataset.base}${name}.json?v=${box.dataset.digest}`).then((r) => { if (!r.ok) throw new Error(r.status); return r.json(); });
const spoken = (t) => `${Number(t.slice(5, 7))}-${t.slice(8, 10)} ${t.slice(11, 16)}`;

function fan(found) {
  const at = (p) => found.values[found.quantiles.indexOf(p)];
  const band = (low, high, fill) => [
    { x: found.times, y: at(low), mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false },
    { x: found.times, y: at(high), mode: "lines", line: { width: 0 }, fill: "tonexty", fillcolor: fill, hoverinfo: "skip", name: `${Math.round((high - low) * 100)}%` }];
  const tops = found.values[found.values.length - 1].concat(found.observed).filter((v) => v !== null);
  const top = Math.max(...tops, 1) * 1.08;
  const lines = found.lines.filter((l) => l[0] < top).map((l) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: l[0], y1: l[0], line: { color: colours[l[1] - 1], width: 1.5 } }));
  lines.push({ type: "line", x0: found.issue, x1: found.issue, yref: "paper", y0: 0, y1: 1, line: { color: "#17212b", width: 1, dash: "dash" } });
  Plotly.react("fan-chart", [
    ...band(0.05, 0.95, "rgba(11,83,148,0.22)"), ...band(0.25, 0.75, "rgba(11,83,148,0.38)"),
    { x: found.times, y: at(0.5), mode: "lines", line: { color: "#0b3d6b", width: 2.5 }, name: zh ? "中位数" : "median" },
    { x: found.observed_times, y: found.observed, mode: "lines", line: { color: "#000", width: 1.5 }, name: zh ? "实况" : "observed" },
  ], { font, margin: { l: 48, r: 10, t: 8, b: 34 }, shapes: lines, hovermode: "x unified", legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, paper_bgcolor: "#fff", plot_bgcolor: "#fff",
    xaxis: { tickformat: "%m-%d\n%H:%M", gridcolor: "#e3e8ec", nticks: 8 }, yaxis: { title: { text: found.units.replace("ug m-3", "μg/m³") || "AQI" }, range: [0, top], gridcolor: "#e3e8ec" } }, quiet);
}

function breeze(found, hour) {
  const speeds = (found.wind || []).filter((w) => w.u[hour] !== null).map((w) => Math.hypot(w.u[hour], w.v[hour]));
  if (!speeds.length) return zh ? " · 无风预报" : " · no wind forecast";
  return ` · ${zh ? "风" : "wind"} ${Math.min(...speeds).toFixed(1)}–${Math.max(...speeds).toFixed(1)} m/s`;
}

function map(found, hour) {
  const names = document.getElementById("map-chart").dataset.tiers.split(",");
  const traces = ["village", "township", "county", "city"].map((tier) => {
    const rows = found.places.map((p, i) => [p, i]).filter(([p]) => p.tier === tier);
    const values = rows.map(([p, i]) => hour < 0 ? p.now : found.aqi[hour][i]);
    return { type: "scatter", mode: "markers", name: names[["city", "county", "township", "village"].indexOf(tier)],
      x: rows.map(([p]) => p.lon), y: rows.map(([p]) => p.lat), text: rows.map(([p], i) => `${p.name}<br>AQI ${values[i] ?? "—"}`), hoverinfo: "text",
      marker: { symbol: symbols[tier], size: { city: 15, county: 12, township: 9, village: 6 }[tier], color: values.map(colourOf), line: { color: "#17212b", width: tier === "village" ? 0.6 : 1 } } };
  });
  const places = found.places, lats = places.map((p) => p.lat), lons = places.map((p) => p.lon);
  const ratio = 1 / Math.cos(Math.PI * (Math.min(...lats) + Math.max(...lats)) / 360);
  const wind = hour < 0 || !found.wind ? [] : found.wind.filter((w) => w.u[hour] !== null).map((w) => {
    const u = w.u[hour], v = w.v[hour], speed = Math.hypot(u, v), scale = 14;
    return { x: w.lon, y: w.lat, xref: "x", yref: "y", ax: -u * scale, ay: v * scale, axref: "pixel", ayref: "pixel", showarrow: true, arrowhead: 3, arrowsize: 1.1, arrowwidth: 2, arrowcolor: "#0b5394", text: "", hovertext: `${speed.toFixed(1)} m/s`, captureevents: true };
  });
  Plotly.react("map-chart", traces, { font, margin: { l: 8, r: 8, t: 8, b: 8 }, annotations: wind, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, paper_bgcolor: "#fff", plot_bgcolor: "#f7f9fa", uirevision: "map",
    xaxis: { visible: false, range: [Math.min(...lons) - 0.03, Math.max(...lons) + 0.03] }, yaxis: { visible: false, scaleanchor: "x", scaleratio: ratio } }, quiet);
  const text = hour < 0 ? (zh ? "最近实况" : "latest readings") : spoken(found.times[hour]) + (zh ? "（预报）" : " (forecast)") + breeze(found, hour);
  document.getElementById("hour-text").textContent = text;
  document.getElementById("hour").setAttribute("aria-valuetext", text);
}

load("fans").then((all) => {
  const choice = document.getElementById("fan");
  const draw = () => { const found = all.find((f) => f.key === choice.value); if (found) fan(found); };
  choice.addEventListener("change", draw);
  draw();
}).catch((e) => { document.getElementById("fan-chart").textContent = String(e); });

load("map").then((found) => {
  const slider = document.getElementById("hour");
  slider.min = -1; slider.max = found.times.length - 1; slider.value = 0;
  slider.addEventListener("input", () => map(found, Number(slider.value)));
  map(found, 0);
}).catch((e) => { document.getElementById("map-chart").textContent = String(e); });
