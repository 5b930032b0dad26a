//! A browser, with one window.

use std::path::Path;
use std::time::{Duration, Instant};

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::driver::{Driver, find};

/// The time after which a missing answer counts as a hang.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The way in which a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) dark: bool,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) scripts: bool,
}

impl Look {
    pub(crate) const LIGHT: Self = Self {
        dark: false,
        width: 1240,
        height: 900,
        scripts: true,
    };
    pub(crate) const DARK: Self = Self {
        dark: true,
        ..Self::LIGHT
    };
    pub(crate) const PHONE: Self = Self {
        width: 360,
        height: 740,
        ..Self::LIGHT
    };
    pub(crate) const BARE: Self = Self {
        scripts: false,
        ..Self::LIGHT
    };
}

/// A browser. Dropping it ends the process.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Client,
    _driver: Driver,
}

impl Browser {
    /// Starts a browser; `None` if there is none.
    pub(crate) fn start() -> Option<Self> {
        let driver = Driver::start(find()?);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                "--hide-scrollbars", "--force-device-scale-factor=1", "--window-size=1240,900",
                // Windows behind others must stay active, too.
                "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
                "--disable-background-timer-throttling",
            ],
        });
        if let Ok(binary) = std::env::var("CHROMIUM") {
            options["binary"] = binary.into();
        }
        let mut wishes = Capabilities::new();
        wishes.insert("goog:chromeOptions".to_owned(), options);
        wishes.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let client = runtime.block_on(async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(wishes).connect(&driver.url()).await
        });
        Some(Self {
            client: client.unwrap(),
            runtime,
            _driver: driver,
        })
    }

    pub(crate) fn look(&self, look: Look) {
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            json!({
                "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": false,
            }),
        );
        let scheme = if look.dark { "dark" } else { "light" };
        self.tell(
            "Emulation.setEmulatedMedia",
            json!({
                "features": [{ "name": "prefers-color-scheme", "value": scheme }],
            }),
        );
        self.tell(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": !look.scripts }),
        );
    }

    pub(crate) fn open(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).unwrap();
    }

    /// Opens one more window, and switches to it.
    pub(crate) fn open_window(&self, url: &str) {
        self.runtime.block_on(async {
            let opened = self.client.new_window(false).await.unwrap();
            self.client.switch_to_window(opened.handle).await.unwrap();
            self.client.goto(url).await.unwrap();
        });
    }

    /// Switches to each window, one after the other.
    pub(crate) fn in_each_window(&self, mut look: impl FnMut()) {
        let windows = self.runtime.block_on(self.client.windows()).unwrap();
        for window in windows {
            self.runtime
                .block_on(self.client.switch_to_window(window))
                .unwrap();
            look();
        }
    }

    /// Sends a name and the token with each request.
    pub(crate) fn authorize(&self, authorization: &str) {
        self.tell("Network.enable", json!({}));
        self.tell(
            "Network.setExtraHTTPHeaders",
            json!({
                "headers": { "Authorization": authorization },
            }),
        );
    }

    /// The value of an expression, even if the page's policy forbids scripts.
    pub(crate) fn value(&self, expression: &str) -> Value {
        let answer = self.tell(
            "Runtime.evaluate",
            json!({
                "expression": expression, "returnByValue": true,
            }),
        );
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// The visible text of the page.
    pub(crate) fn text(&self) -> String {
        self.value("document.body.innerText")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn url(&self) -> String {
        self.runtime
            .block_on(self.client.current_url())
            .unwrap()
            .to_string()
    }

    /// Clicks a link or a button with these words.
    pub(crate) fn click(&self, words: &str) {
        let path =
            format!("//a[normalize-space(.)={words:?}] | //button[normalize-space(.)={words:?}]");
        self.click_at(Locator::XPath(&path));
    }

    pub(crate) fn click_css(&self, css: &str) {
        self.click_at(Locator::Css(css));
    }

    fn click_at(&self, locator: Locator<'_>) {
        self.runtime.block_on(async {
            let element = self.client.find(locator).await;
            let element = element.unwrap_or_else(|e| panic!("{locator:?}: {e}"));
            element.click().await.unwrap();
        });
    }

    pub(crate) fn type_into(&self, css: &str, text: &str) {
        self.runtime.block_on(async {
            let element = self.client.find(Locator::Css(css)).await.unwrap();
            element.clear().await.unwrap();
            element.send_keys(text).await.unwrap();
        });
    }

    /// Waits until the page has these words.
    pub(crate) fn wait_for(&self, words: &str) {
        let until = Instant::now() + LONG;
        loop {
            let text = self.text();
            if text.contains(words) {
                return;
            }
            assert!(
                Instant::now() < until,
                "`{words}` is not on {}:\n{text}",
                self.url()
            );
            self.runtime
                .block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
        }
    }

    /// The errors in the browser's log, such as violations of the policy.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.issue(Special {
            path: "se/log",
            body: json!({ "type": "browser" }),
        });
        let lines = log.as_array().cloned().unwrap_or_default();
        let lines = lines
            .into_iter()
            .filter_map(|line| line["message"].as_str().map(str::to_owned));
        lines.collect()
    }

    /// The whole page as a picture.
    pub(crate) fn picture(&self, path: &Path, height: Option<u64>) {
        let full = self
            .value("document.documentElement.scrollHeight")
            .as_u64()
            .unwrap();
        let width = self.value("window.innerWidth").as_u64().unwrap();
        let shot = self.tell("Page.captureScreenshot", json!({
            "captureBeyondViewport": true,
            "clip": { "x": 0, "y": 0, "width": width, "height": height.unwrap_or(full), "scale": 1 },
        }));
        let data = shot["data"].as_str().unwrap();
        std::fs::write(path, unbase64(data)).unwrap();
    }

    /// Sends a command of the browser's own protocol.
    fn tell(&self, command: &str, parameters: Value) -> Value {
        self.issue(Special {
            path: "goog/cdp/execute",
            body: serde_json::Map::from_iter([
                ("cmd".to_owned(), command.into()),
                ("params".to_owned(), parameters),
            ])
            .into(),
        })
    }

    fn issue(&self, special: Special) -> Value {
        self.runtime
            .block_on(self.client.issue_cmd(special))
            .unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

/// A command specific to this driver.
#[derive(Debug)]
struct Special {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Special {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}
